"""The lab's driver: a whole Twinboot site on one machine, with faults at will.

`Lab` is the interface for tests and the demo, `scripts/lab` (cli.py) the one for people. Nothing here
is part of what runs on an operator's servers.
"""

from twinlab.host.engine import LabError
from twinlab.lab import Lab

__all__ = ["Lab", "LabError"]
