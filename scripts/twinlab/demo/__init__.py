"""`make demo`: two machines install at once, one server dies, and both installs end right.

machines       The demo's two machines: how each is started, and what its report lines tell
proof          The demo's result: each promise beside what was measured
server_events  The sidecars' part of the timeline: which of their log events are shown, and as what text
stage          What every step of the demo needs
standin        The installer stand-in as the demo needs it: its tree on this machine, its image as a client
timeline       The demo's timeline: one line per thing that happens, from every source, on one clock
"""
