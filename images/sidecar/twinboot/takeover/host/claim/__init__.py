"""What is done with connections when an address comes here or leaves.

claim                Takes over the connections of one address that has just been claimed: probe, plan,
                     rebuild, serve
connection_tracking  This kernel's connection tracking is told of the connections that come here, before
                     clients are probed
inquiry              Asks the clients of one claim where they are: which probe goes out when, and what the
                     answers prove
moves                What this server does with connections when an address is claimed or released here
transfers            What becomes of the FTP transfers of one claim: each session waits for what its data
                     connection shows
"""
