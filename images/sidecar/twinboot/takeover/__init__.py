"""Connection takeover: clients' connections outlive their server.

Each server records the connections of its install services and replicates the records; the server that takes
an address asks each client where it is, rebuilds the connection with TCP_REPAIR and sends on.

host/   The takeover process, beside the agent: the kernel and file side of connection takeover
logic/  What a peer must know of a client's connection to go on with it, and how it is learned from the wire
"""
