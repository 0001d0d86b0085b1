"""Twinboot: two or more install servers that act as one. All that runs in the images of sidecar and power.

Five processes are built from it: the agent (agent/), the takeover process (takeover/host/), what keeps the
install trees the same (tree_sync/host/), the engine proxy (engine_proxy/) and what talks to BMCs
(power/host/); and the command line, which renders, checks and asks. Who may import whom stands in
tests/unit/house/test_imports.py.

access/             Who may do what by the API and the page: tokens, sessions, roles, the audit log
adapters/           The outside world, one resource a module
agent/              The running sidecar: the core in the middle, the adapters around it, one loop and a few
                    threads
alarms/             Alarms as values: their kinds, what holds now, and since when
bundle/             What is carried from server to server as one file: a backup, and what a joining server is
                    given
cli                 The command `twinboot`
commands/           What the commands of `twinboot` do; cli.py names them and their options
core/               Pure decisions: no clock, no socket, no randomness, no logging
daemons             The daemons of the stack: one description each, read by everything that lists, asks or
                    restarts them
dhcp/               DHCP engines, one folder a kind, and DHCP leases in a form that is no engine's
engine_proxy/       The engine proxy to the Docker engine: a container of its own, the only one that has the
                    engine's socket
enrolment/          Machines come into a site and leave it: which entries change, or every reason why none
                    does
errors              The one error that adapters raise: a resource, by name, and what it said
installers/         Installer kinds, one folder each: what reads the answers of a profile
kept                What a server keeps on its disk over restarts, and what of it a backup holds
kernel/             What speaks to the Linux kernel by number: sockets, options and messages that Python has
                    no names for
kinds               Registries of kinds: what comes in several kinds is a registered value in a folder of
                    its own
load_aware_timeout  How long a probe waits: a little, and longer when the machine is so busy that a daemon
                    may just be slow
loaders/            Boot loader kinds, one folder each: what firmware loads, and what then loads kernel and
                    initrd
log                 The log: one line per event, written so that it can never hold up its writer
machines/           The life of every machine: orders, installs that begin and end, what it is offered
paths               Where things are inside the sidecar's container
planning/           What each machine of a site gets, decided before anything is rendered
power/              Machines are switched on and off by their BMCs: a process of its own, and a container
private_socket      A Unix socket for its owner alone, as processes of one server have for each other
render/             Every configuration file of a server, made of the site and put in place in one step
replication/        Replicated tables: each server owns its tables, and copies every change to all its peers
rollout/            A site is changed on all servers or on none: proposed, checked by each, committed, then
                    taken into use
site/               The site file: what an operator writes, read and checked
trees/              Install trees: made from media, described by a manifest, verified and taken away
tree_sync/          Install trees are the same on all servers: each fetches what it lacks
takeover/           Connection takeover: clients' connections outlive their server
webhooks/           What happens is told to programs elsewhere by HTTP, at least once
wire/               Bytes to values and back
work_in_parts       A big site's work in several processes at the same time
"""
