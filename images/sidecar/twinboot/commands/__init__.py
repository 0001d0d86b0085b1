"""What the commands of `twinboot` do; cli.py names them and their options.

checking  `twinboot check`: is this server ready? Every finding is one line with what to do about it
client    Asks this server's agent through its control socket
diff      What `twinboot diff` prints: in what the other servers' site files differ from this one's
history   The table of `twinboot history`
options   Options that several commands have, and their end by a fault
ready     Whether this server is well enough to carry its share: what `twinboot ready` asks after an upgrade
site      Commands about the site file: check, parts, render, key, schema
stack     Which settings of compose/.env follow from the site file: the parts of the stack that it asks for
status    The table of `twinboot status`
"""
