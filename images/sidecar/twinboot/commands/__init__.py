"""What the commands of `twinboot` do; cli.py names them and their options.

access    `twinboot token` and `audit`: who may act by the page and the API, and who did what
changing  A site that is changed: what an edited file would change, and how all servers take it into use
checking  `twinboot check`: is this server ready? Every finding is one line with what to do about it
client    Asks this server's agent through its control socket
history   The table of `twinboot history`
machines  What `twinboot machines`, `machine`, `install` and `local` print
options   Options that several commands have, and their end by a fault
ready     Whether this server is well enough to carry its share: what `twinboot ready` asks after an upgrade
show      `twinboot show`: every file and argument that a machine gets, from which server, and why
site      Commands about the site file: check, parts, render, key, schema
stack     Which settings of compose/.env follow from the site file: the parts of the stack that it asks for
status    The table of `twinboot status`
trees     `twinboot import`, and `twinboot trees`: list, verify, remove
"""
