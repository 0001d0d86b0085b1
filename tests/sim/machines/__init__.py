"""Two servers that keep the lives of machines, in virtual time: real tables and real replication over a
network that loses, delays and doubles; disks; machines that install themselves; an operator; and a judge."""
