"""`make demo`: machines install, one server dies, and the installs end right.

debian         A whole Debian for the demo and the tests: its tree, what a site says of it, its reports
machines       The demo's two machines: how each is started, and what its report lines tell
media          A person's own medium or tree: imported, and a site that installs it
proof          The demo's result: each promise beside what was measured
real           The demo with a real installer: one machine installs itself, and its server dies meanwhile
server_events  The sidecars' part of the timeline: which of their log events are shown, and as what text
stage          What every step of the demo needs: the lab with its instruments
standin        The installer stand-in as the demo needs it: its tree on this machine, its image as a client
timeline       The demo's timeline: one line per thing that happens, from every source, on one clock
"""
