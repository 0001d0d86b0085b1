"""The lives of machines on this server: kept on its disk, told to its peers, steered, reported, asked for.

build           Builds what keeps the lives of machines on this server
discovery       Machines without an entry: heard, told to the peers, kept on the disk
disk            The records of machines on this server's disk, and the links for their boot loaders
download_monitor  Sees how far machines are on their way to the installer, by this server's downloads
fetches         Which files a machine has fetched until its install began, and from which server
figures         Figures of machines for the metrics: how many are in which state, how long each step takes
keeper          The table of machines, its disk, its peers and what boot loaders are told, joined
logs/           What installers say by syslog: received, kept, read again
orders          What `twinboot machines`, `machine`, `install` and `local` ask for
report_listener What installers report: requests that the HTTP service hands on, answered when what they say
                is kept
sharing         Balancing by load on this server: what it hears and sends, joined with machines.by_load
standing        How each machine stands, as its records change: state, history, figures, alarms
steering        Which boot files each host gets, from a decision to the links on the disk
"""
