"""What the commands of `twinboot` do; cli.py names them and their options.

apply     `twinboot apply`: from the operator's wish to its end, in the order in which it is printed
changes   What another site would change: entry by entry, and file by file for each server
checking  `twinboot check`: is this server ready? Every finding is one line with what to do about it
client    Asks this server's agent through its control socket
diff      What `twinboot diff` prints: in what the other servers' site files differ from this one's
history   The table of `twinboot history`
in_use    The site that is in use on this server, as its record on the disk has it
options   Options that several commands have, and their end by a fault
progress  What `twinboot apply` prints while the servers check a site and take it into use
ready     Whether this server is well enough to carry its share: what `twinboot ready` asks after an upgrade
show      `twinboot show`: what a machine gets, whatever its firmware is
site      Commands about the site file: check, parts, render, key, schema
stack     Which settings of compose/.env follow from the site file: the parts of the stack that it asks for
status    The table of `twinboot status`
"""
