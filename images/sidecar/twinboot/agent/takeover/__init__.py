"""The agent's side of connection takeover: the line to the takeover process, and its records for the peers.

client    The socket between the agent and the takeover process: lines of JSON, requests and replies, and
          its faults
dialects  Which dialects the images of FTP and HTTP service speak, by the labels of their containers
moves     What the agent and the takeover process, which takes over clients' connections, say to each other
restarts  When the takeover process is restarted because it hangs or has gone: pure, fed once a second
takeover  Builds the agent's side of connection takeover, and ends it
"""
