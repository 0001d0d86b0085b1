"""The lives of machines on this server: kept on its disk, told to its peers, steered, reported, asked for.

build    Builds what keeps the lives of machines on this server
discovery Machines without an entry: heard, told to the peers, kept on the disk
door     What installers report: requests that the HTTP service hands on, answered when what they say is kept
fetches  Which files a machine has fetched until its install began, and from which server
figures  Figures of machines for the metrics: how many are in which state, how long each step takes
keeper   The table of machines, its disk, its peers and its links, joined
log_files Files of what installers have said, one or two a machine, bounded
log_port What installers say by syslog, received and kept: a thread of its own
orders   What `twinboot machines`, `machine`, `install` and `local` ask for
resources What the keeper works with, as it needs them: replication, the database, the links
sharing  Balancing by load on this server: what it hears and sends, joined with machines.by_load
steering Which boot files each host gets, from a decision to the links on the disk
watching Sees how far machines are on their way to the installer, by this server's downloads
"""
