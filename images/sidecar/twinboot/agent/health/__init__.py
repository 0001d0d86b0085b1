"""What keeps the daemons of this server serving: service probes, repairs, the disk, the Docker engine.

checks        Probes the services of this server periodically, each in a thread of its own
disk          Detects that this server's disk cannot be written: full, read-only, or so slow that it hangs
host_network  What others can take from this server's own network while it runs: the route to the LAN, the
              ARP setting
monitors      The monitors of one server's agent: of its services, its LAN, its links' carriers and its own
              network
probes        Binds the probes of the table of daemons to a server's settings: which function asks, and for
              what
readiness     Finds out whether this server could take over: looks every few seconds, has mended what can be
services      The threads of the Docker engine
tree_comparison Are the install trees the same on all servers? Each tells the peers what its own are
trees         Install trees as clients get them: looks at a file of each that machines need first, the kernel
"""
