"""The running sidecar: the core in the middle, the adapters around it, one loop and a few threads.

alarms        The alarms of this server: asks every part what holds, keeps since when, logs each begin and end
              once
clocks        The servers' times of day beside each other
configuration What an agent works by, read from the disk: the site, the keys, and whether heartbeats of that
              site fit
control/      What this agent is asked and told, by `twinboot` and by the service `page`: sockets, replies
dhcp/         The DHCP server's leases on this server, and the DHCP talk on its LAN
health/       What keeps the daemons of this server serving: service probes, repairs, the disk, the Docker
              engine
history/      The history of moves: what `twinboot history` shows, kept over restarts
intake        What comes in on a link becomes a heartbeat, or a number: the checks before the core, cheap ones
              first
lan/          What this server notices of its LAN: carrier, reachability, conflicts
links         The links that heartbeats go over, all of them as one: sending, counters and faults
loop          The loop: event -> step -> effects in their order -> arm exactly one timer
loop_counters What the loop counts while it runs, for the metrics: how late its ticks are, who came to hold
              what
machines/     The lives of machines on this server: kept on its disk, told to its peers, steered, reported
memory        The heap after something big was read: what is free goes back to the kernel
metrics/      The metrics for Prometheus: a snapshot taken on the loop, its text made in another thread
power/        The sidecar's end of power: machines are restarted
reload        Notices that `render` has written a new generation, and makes it work on this server
replication/  Replicated tables on this server's links
rollout/      The agent's part of applying a site: what twinboot.rollout decides, carried out here
settings      What one server's agent must know of the site, as one value that can be compared
start         Builds one agent from what it works by, and runs it until it has left
takeover/     The agent's side of connection takeover: the line to the takeover process, and its records for
              the peers
trees/        The sidecar's end of tree_sync: what the servers tell each other of their trees
vip/          Virtual addresses: carries out what the core asks for, in order
waiting       Callers that wait until the cluster is as they want it: commands such as standby and resume
webhooks/     What happens becomes events, told to the peers, kept on the disk, and sent
worker        One thread that carries out jobs one after the other, so that the loop never waits for them
"""
