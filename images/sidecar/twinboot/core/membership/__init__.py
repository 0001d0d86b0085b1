"""Who is there: peers and their links, heartbeats sent and received, leaving in order.

boots           Boots: the lives of a server, each with an id of its own. Which one is accepted, and by what
                proof
heartbeat       Builds this server's heartbeat and decides when one is due
leave           Orderly stop: release every group, stop the managed services, send a goodbye, exit; in bounded
                time
liveness        Applies heartbeats and silence to the peers' records
peer            Failure detector: which servers are alive, and which links deliver
reach           Whether each server's kernel answers on the LAN, as a client would find it
sites           Whether the servers work by the same site file: what each says of it, compared
suspicion       Suspicion: a live peer that may be dead is asked for on the LAN, sooner than the deadtime is
                over
timing          Whose timers a peer's silence is measured by, when the site files differ
unknown_servers Unknown servers: servers of this cluster that our site file does not name
"""
