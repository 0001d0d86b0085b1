"""What every step of the demo needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from twinlab.demo.timeline import Timeline
from twinlab.lab import Lab
from twinlab.measure.prober import Prober


@dataclass(frozen=True)
class Stage:
    """The lab and its instruments. `macs` names the servers by their LAN hardware addresses."""

    lab: Lab
    timeline: Timeline
    prober: Prober
    macs: Mapping[str, str]

    def mac(self, server: str) -> str:
        return next(mac for mac, name in self.macs.items() if name == server)
