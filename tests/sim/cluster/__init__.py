"""The servers of a cluster in virtual time: the core as it is, on models of host, LAN and engine.

acts         Invariants of a server's own effects, checked in every step
announcing   The judge of announcements: while a server is silent, a holder announces without a pause
applying     A site applied in the simulated cluster: every server's part of twinboot.rollout
asking       How a server asks the simulated LAN for one that may be dead
engine       The containers of a simulated host
histories    Many scenarios: play, repair everything, check the final state; which ones are simpler
host         A simulated server: power, kernel, containers, LAN attachment, and a sidecar
judge        The cluster's invariants, as clients see them, after every event
kernel       The addresses of a simulated host; their kernel lifetimes expire whatever the sidecar does
lan          The LAN that the clients are on: cables, switch ports, partitions, ARP frames
network      Links with cuts, loss, delay, duplication and reordering, and a recording
rest         The final state that a repaired cluster must reach within a bound, and keep
scenario     A scenario as a value and as a readable text
schedule     Scenarios chosen at random: which faults and repairs, upon which server, when
sidecar      One sidecar process: the agent's loop around the real core
sites        Site files that differ from the agreed one
verbs        What a scenario may do: acts upon the cluster, by their names in its text
world        Plays a scenario: an event heap, the servers and the network between them
"""
