"""What the commands of `twinboot` do; cli.py names them and their options.

access    `twinboot token` and `audit`: who may act by the page and the API, and who did what
backup    `twinboot backup` and `restore`: a server's own as one file, and back from it
changing  A site that is changed: what an edited file would change, and how all servers take it into use
checking  `twinboot check`: is this server ready? Every finding is one line with what to do about it
client    Asks this server's agent through its control socket
history   The table of `twinboot history`
hosts     Machines come into the site file, change in it and leave it: by command, or from a table
joining   Servers that come and go: invitations, joining by one, and the site file with and without a server
logs      What `twinboot logs` prints: what an installer has said by syslog
machines  What `twinboot machines`, `machine`, `install` and `local` print
options   Options that several commands have, and their end by a fault
power     `twinboot power`, and the restarts of `install --now`
ready     Whether this server is well enough to carry its share: what `twinboot ready` asks after an upgrade
show      `twinboot show`: every file and argument that a machine gets, from which server, and why
site      Commands about the site file: check, parts, render, key, schema
site_file The operator's site file on the disk: read as it is, written in one step
stack     Which settings of compose/.env follow from the site file: the parts of the stack that it asks for
status    The table of `twinboot status`
trees     `twinboot import`, and `twinboot trees`: list, verify, remove
webhooks  `twinboot webhooks`: what waits for which webhook, and a test of one
"""
