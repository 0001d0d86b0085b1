"""The client matrix: every program under every fault, all at once, and what became of each.

One run: start every program against the first group's address, have the fault, wait until all have ended,
bring the lab home again. Used by the lab's long test (with demands) and by the bench (with a table).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from twinlab.faults import faults, frames
from twinlab.lab import Lab
from twinlab.measure.matrix import HOME, ON_2, heal_home
from twinlab.programs.fetching import Fetchers, Verdict

GROUP = "first"
UNDER_WAY_BYTES = 1 << 20
LIMIT_S = 90.0
"""What has not ended then hangs: real installers' own time-outs go up to 900 s."""

_DATA_PACKETS = "ip saddr {address} ip length > 60 tcp sport != 21"


@dataclass(frozen=True)
class MatrixFault:
    """many: the programs fetch small files with pauses. rate: of each program's cable."""

    breaks: Callable[[Lab], float]
    many: bool = False
    unasked: bool = False
    """It comes when each program has asked for its first file, and the answers are lost on the wire."""
    again: bool = False
    """The server comes back, takes its group again, and loses its power at once a second time."""
    rate: str = "8mbit"


def _fault(name: str) -> Callable[[Lab], float]:
    return lambda lab: faults.inject(lab, name, lab.server(1))


FAULTS: dict[str, MatrixFault] = {
    "planned move": MatrixFault(_fault("standby")),
    "power-off in mid-file": MatrixFault(_fault("power-off")),
    "power-off between files": MatrixFault(_fault("power-off"), many=True),
    "power-off before the first byte": MatrixFault(_fault("power-off"), unasked=True),
    "power-off, and again after failback": MatrixFault(_fault("power-off"), again=True, rate="3mbit"),
}


@dataclass(frozen=True)
class Run:
    """One fault, all programs. claim_s: from the fault (the later of two) to the claim, the longest."""

    fault: str
    claim_s: float | None
    verdicts: tuple[Verdict, ...]

    def as_json(self) -> dict[str, object]:
        return {"claim_s": self.claim_s, "clients": {one.name: vars(one) for one in self.verdicts}}


def run(lab: Lab, fetchers: Fetchers, name: str, *, limit_s: float = LIMIT_S) -> Run:
    """The lab is at home, before and afterwards."""
    fault, address = FAULTS[name], lab.address(GROUP)
    server = lab.server(1)
    fetchers.limit(fault.rate)
    try:
        with lab.events() as events:
            if fault.unasked:
                only = _DATA_PACKETS.format(address=address)
                frames.drop_frames(
                    lab.name, server.name, server.container, sent=True, received=False, only=only
                )
            fetchers.begin(address, many=fault.many, limit_s=limit_s)
            if fault.unasked:
                fetchers.asked(address)
            else:
                fetchers.under_way(address, UNDER_WAY_BYTES // (4 if fault.many else 1))
            times = [fault.breaks(lab)]
            lab.wait_owned(ON_2)
            if fault.again:
                lab.heal()
                lab.wait_owned(HOME)
                times.append(fault.breaks(lab))
                lab.wait_owned(ON_2)
            verdicts = fetchers.finish(address, times[0], waiting=fault.many, limit_s=limit_s + 60)
            time.sleep(0.3)
            claimed = events.named("group-claimed", group=GROUP)
            claims = [one.time for one in claimed if one.server == "server2"]
        return Run(name, _claim_s(times, claims), tuple(verdicts))
    finally:
        heal_home(lab)


def _claim_s(times: Sequence[float], claims: Sequence[float]) -> float | None:
    found = [min((c for c in claims if c > at), default=None) for at in times]
    return max((c - at for c, at in zip(found, times, strict=True) if c is not None), default=None)
