"""What containers of one server say to each other: one JSON object a line.

engine_proxy  What the sidecar and the engine proxy say to each other: one JSON object a line, both ways
takeover/     What the agent and the takeover process say to each other: one JSON object a line, both ways
"""
