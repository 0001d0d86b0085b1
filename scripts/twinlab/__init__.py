"""The lab's driver: a whole Twinboot site on one machine, with faults at will.

`Lab` is the interface for tests and the demo, `scripts/lab` (cli.py) the one for people. Nothing here
is part of what runs on an operator's servers.

cli        `scripts/lab`: the lab for people
demo/      `make demo`: two machines install at once, one server dies, and both installs end right
faults/    Injects and heals faults: of a whole server, its cables and frames, and its single services
host/      What stands on this machine: engine, images, a lab's networks, servers, clients and virtual
           machines
lab        A lab: servers, networks and clients of one site on this machine
measure/   What a client sees of a fault, measured: who answered when, how long nobody did, whether two did
programs/  Downloads by programs that others wrote, through faults: which of them notice; and storms of
           installs
"""

from twinlab.host.engine import LabError
from twinlab.lab import Lab

__all__ = ["Lab", "LabError"]
