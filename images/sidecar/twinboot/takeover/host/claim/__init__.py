"""What is done with connections when an address comes here or leaves.

claim                Takes over the connections of one address that has just been claimed: probe, plan,
                     rebuild, serve
connection_tracking  This kernel's connection tracking is told of the connections that come here, before
                     clients are probed
data_channels        The data channels of the FTP sessions that come here: which port each session has agreed
                     upon with its client, and whose a connection is whose port is not known
follower             What a claim tells the one who tracks this server's connections
inquiry              Asks the clients of one claim where they are: which probe goes out when, and what the
                     answers prove
known_records        The records of the connections that may come here: what the peers told, what was told by
                     this server's own takeover process in its last life, and what has just left here
moves                What this server does with connections when an address is claimed or released here
resets               Resets the connections of one claim that cannot go on, until each client has confirmed
                     it with a RST
serving              Rebuilds a client's connection in this kernel and lets its session go on: HTTP, FTP
                     control, FTP data
transfers            What becomes of the FTP transfers of one claim: each session waits for what its data
                     connection shows
"""
