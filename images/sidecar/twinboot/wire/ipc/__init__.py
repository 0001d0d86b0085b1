"""What containers of one server say to each other: one JSON object a line; and what the
HTTP service hands on.

engine_proxy  What the sidecar and the engine proxy say to each other: one JSON object a line, both ways
scgi          Requests that the HTTP service hands on to the agent, by SCGI
takeover/     What the agent and the takeover process say to each other: one JSON object a line, both ways
"""
