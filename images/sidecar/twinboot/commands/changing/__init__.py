"""A site that is changed: what an edited file would change, and how all servers take it into use.

apply         `twinboot apply`: from the operator's wish to its end, in the order in which it is printed
changes       What another site would change: entry by entry, and file by file for each server
diff          What `twinboot diff` prints: what the edited site file would change for each machine, and in
              what the other servers' site files differ from this one's
in_use        The site that is in use on this server, as its record on the disk has it
machine_diff  What an edited site would change for each machine: arguments, boot files, answers
progress      What `twinboot apply` prints while the servers check a site and take it into use
"""
