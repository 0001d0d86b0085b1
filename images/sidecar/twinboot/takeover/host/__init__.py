"""The process beside the agent that lets clients' connections outlive their server.

It watches the install services' connections on the wire (capture), tells the peers' takeover processes of
them (by way of the agents), and, when an address comes here, rebuilds them with TCP_REPAIR and sends on.
What to do with a connection is decided in twinboot.takeover.logic; here are the kernel and the files.
"""
