"""Three servers that send events to receivers, in virtual time: real delivery queues and real replication
over a network that loses, delays and doubles; disks; receivers that are down, hang, refuse or lose their
answer; servers that die at any moment and come back; and a judge."""
