"""The life of every machine of the site: what it was ordered to do, how far its install is, how it ended.

Pure: time, bytes and the site's facts are handed in. Every server keeps a record of every machine and tells
its peers each change (agent/machines); of two records of one machine the further one counts (record.py), so
all servers come to the same one in whatever order they hear of each other.

An order of an operator begins a new epoch of a machine; a host that was never ordered to do anything has
epoch 0: one install, as its entry in the site file asks for. An install may begin once in an epoch (more
often where the profile allows retries). What has begun is not offered again, whether or not its end was heard
of: nothing is erased that nobody asked to erase.

by_load/   Balancing by load: the groups that machines are given when they ask, and their turns
durability When a machine may be told that what it said is kept
facts      What the servers must know of the machines of a site: the rendered file `sidecar/machines.json`
inventory  What the loader of a machine without an entry tells by HTTP of that machine
life       The moves of one record: ordered, observed, begun, progressed, failed, done
log_bounds How much of what installers say is taken: a bound for each machine and one for all
observing         How far a machine is on its way to its installer, by the files that it fetches
record     One machine's record, which of two is further, and its form on the disk and between servers
reports    What installers report by HTTP: the request, checked and bounded
restored   What becomes of the records of a backup: none of them offers an install
syslog     What installers say by syslog: a message as a line of text, checked and bounded
table      The records of all machines on one server, and what is offered to each
unknown_machines Machines without an entry in the site file that ask to boot from the network
view       What an operator is shown: one word for each machine's state, stalled among them
"""
