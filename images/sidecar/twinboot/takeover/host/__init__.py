"""The takeover process, beside the agent: the kernel and file side of connection takeover.

It records the install services' connections from the wire (capture) and sends their records to the peers'
takeover processes through the agents. When an address is claimed here it rebuilds the connections with
TCP_REPAIR (claim) and serves them (serve) from the published files (published). What to do with a connection
is decided in twinboot.takeover.logic.

start builds the process; input_hold, nftables, silent_exit, stall_recovery and tcp_probe
each own one mechanism; outcome and timeline report a claim.

capabilities        What this kernel and the images here let the takeover process do, and what they lack,
                    as alarms
capture/            What is seen on the wire of clients' connections and downloads, and told to the peers
claim/              What is done with connections when an address comes here or leaves
input_hold          Input hold, the kernel side: client packets reach the install services once the peers
                    have their record
kernel_connections  The connections that this kernel has with clients, by the names that records give them
liveness            Does the takeover process live, and must it begin anew?
nftables            The nftables rules around a move: no client connection is reset by accident
outcome             What became of a claim: its counts, its times and its timeline
process             `twinboot takeover`: the process that carries clients' connections over from one server
                    to the next
published/          The published files as the install services see them, and nothing outside of them
rebuild             A client's connection rebuilt in this kernel as another server had it
serve/              Sessions that go on here: FTP, HTTP and TFTP after a takeover
silent_exit         Silent exit: when a takeover process ends while it serves connections, their clients get
                    no FIN or RST
stall_recovery      Stall recovery: restarts connections that stall because a local queue is full, the
                    services' and ours
start               `twinboot takeover`: builds the process from the site file that render has left, and
                    runs it
tcp_probe           TCP probes and the clients' replies: one raw socket to send, a packet socket per claim
                    to receive
timeline            Timeline of a claim for the history of moves: bounded, on the agent's clock
"""
