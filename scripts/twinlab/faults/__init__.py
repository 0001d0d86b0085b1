"""Injects and heals faults: of a whole server, its cables and frames, and its single services.

faults.py has the table; scene.py is all that a fault knows of the lab.

badcable    Cables that lose, delay, double and reorder: one small relay for each (inside/relay.py)
cable       The host's end of a container's network cable: pulled, plugged, loosened or made slow
faults      Faults of servers, and how each is healed
frames      Drops frames while every carrier stays up: rx-dead, tx-dead and isolated servers, a LAN cut in
            two
machine     Faults of a whole server: power, engine, processor, disk, clock
neighbours  Faults of ARP: a server's kernel that gets none, and a host that answers for a server's address
net         Faults of a server's cables and of the LAN, and how they are healed
othersite   A site file that was edited on one server only, and brought into force there
scene       What a fault may know of the lab it happens in
serialline  The serial lines of a lab: which the site has, the container that is their cables, pulled and
            plugged
service     Faults of the sidecar and of single services
"""
