"""The takeover process, beside the agent: the kernel and file side of connection takeover.

It records the install services' connections from the wire (capture) and sends their records to the peers'
takeover processes through the agents. When an address is claimed here it rebuilds the connections with
TCP_REPAIR (claim) and serves them (serve) from the published files (published). What to do with a connection
is decided in twinboot.takeover.logic.

start builds the process; input_hold, nftables, silent_exit, stall_recovery, tcp_probe and tcp_repair each own
one mechanism; outcome and timeline report a claim.
"""
