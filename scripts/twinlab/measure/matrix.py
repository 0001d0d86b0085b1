"""The fault matrix: what is broken in each row, who should hold what afterwards, and what a client saw.

One run of a row: break, wait until the holders are as they should be (by what the LAN answers, not by what a
server says), go on watching for a while, heal, wait until each group is home. Used by the lab's test (each
row once, with demands) and by the bench (each row several times, with figures). Needs servers `server1` and
`server2`, and the groups `first` (with dhcpd) and `second`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Any

from twinlab.faults import faults
from twinlab.host import wait
from twinlab.host.engine import LabError
from twinlab.lab import Lab
from twinlab.measure.lan_recorder import LanRecorder, Report
from twinlab.measure.prober import Prober

HOME = {"first": "server1", "second": "server2"}
ON_1 = {"first": "server1", "second": "server1"}
ON_2 = {"first": "server2", "second": "server2"}
OFFER_S = 1.0  # a DISCOVER that waits for its answers when the LAN is joined belongs to the joining
BEFORE_S, WATCH_S, REACH_S, HOME_S = 1.0, 3.0, 40.0, 90.0


@dataclass(frozen=True)
class Row:
    """`after` is who should hold what once the fault has had its effect.

    With `far` the LAN is cut as well, server2 and a prober on the far side, where this should be seen. With
    `outage` both servers are off for a while, a foreign host takes clients away, or the holder is started
    anew for another site file: the gap says nothing.
    """

    name: str
    breaks: Callable[[Lab], object]
    after: Mapping[str, str]
    far: Mapping[str, str] | None = None
    watch_s: float = WATCH_S
    outage: bool = False


@dataclass(frozen=True)
class Outcome:
    """What became of one run of a row. Times are epoch seconds."""

    row: Row
    broke: float
    healed: float
    home: float
    after: Mapping[str, str]  # who held what when the watch ended; "nobody", "server1 and server2"
    far: Mapping[str, str] | None  # the same, beyond the cut
    report: Report  # from before the fault until each group was home again
    far_doubles: tuple[float, ...] = ()

    @property
    def gap_s(self) -> float:
        """The longest time in which a client got nothing from one of the addresses."""
        return max(self.report.gap.values())

    @property
    def doubles(self) -> tuple[float, ...]:
        """When a client saw two holders, but for the joining of a cut LAN."""
        seen = tuple(at for times in self.report.doubles.values() for at in times)
        return self.far_doubles + tuple(at for at in seen if self.row.far is None or at < self.healed)

    @property
    def joining_s(self) -> float:
        """For how long both halves' holders answered after a cut LAN was joined."""
        late = [at for times in self.report.doubles.values() for at in times if at >= self.healed]
        return max(late) - min(late) if late and self.row.far is not None else 0.0

    @property
    def doubled_dhcp(self) -> tuple[float, ...]:
        """When a DISCOVER had two answers, but for the joining of a cut LAN."""
        seen = self.report.doubled_offers
        return tuple(at for at in seen if self.row.far is None or at < self.healed - OFFER_S)

    @property
    def doubled_joining(self) -> int:
        """How many DISCOVERs had two answers while a cut LAN was joined."""
        return len(self.report.doubled_offers) - len(self.doubled_dhcp)

    def figures(self) -> dict[str, Any]:
        """Figures of this run, as they are printed and kept."""
        sides = [self.after, *([self.far] if self.far is not None else [])]
        told = [" ".join(f"{g}: {who.replace('server', '')}" for g, who in side.items()) for side in sides]
        doubles = sorted(self.doubles)
        return {
            "after": " | ".join(told),
            "gap_ms": None if self.row.outage else round(self.gap_s * 1000),
            "dhcp_gap_ms": None if self.row.outage else round(self.report.offer_gap * 1000),
            "two_holders_s": round(doubles[-1] - doubles[0], 2) if doubles else None,
            "joining_s": round(self.joining_s, 2),
            "doubled_dhcp": len(self.doubled_dhcp),
            "doubled_joining": self.doubled_joining,
            "dhcp_rounds": len(self.report.offers),
        }


def fault(name: str, server: int = 1, *words: str) -> Callable[[Lab], object]:
    return lambda lab: faults.inject(lab, name, lab.server(server), *words)


def foreign_host_then_power_off(lab: Lab) -> None:
    faults.inject(lab, "foreign-host", lab.server(1), "first")
    faults.inject(lab, "power-off", lab.server(1))


def _power_both_off(lab: Lab) -> None:
    for server in (1, 2):
        faults.inject(lab, "power-off", lab.server(server))


def _start_2_alone(lab: Lab) -> None:
    _power_both_off(lab)
    faults.heal(lab, lab.server(2))


def _start_together(lab: Lab) -> None:
    _power_both_off(lab)
    lab.heal()


def _upgrade(lab: Lab) -> None:
    """A new image of the sidecar under the same name, taken by one server after the other."""
    for name, server in lab.servers.items():
        image = server.docker("inspect", "-f", "{{.Config.Image}}", "twinboot-sidecar-1").out.strip()
        build = f"printf 'FROM {image}\\nLABEL upgrade={time.time()}\\n' | docker build -q -t {image} -"
        server.exec("env", "DOCKER_BUILDKIT=0", "sh", "-c", build)
        server.compose("up", "-d", "--no-deps", "sidecar")
        wait.until(lambda s=server: s.status(), f"{name}'s new sidecar", timeout_s=30)  # type: ignore[misc]
        lab.wait_owned(HOME, timeout_s=HOME_S)


def _prune_and_power_off(lab: Lab) -> None:
    """The cron job on the stand-by, and before anybody noticed the holder has no power."""
    faults.inject(lab, "prune", lab.server(2))
    faults.inject(lab, "power-off", lab.server(1))


ROWS = (
    Row("graceful stop", fault("stop-sidecar"), ON_2),
    Row("sidecar killed", fault("kill-sidecar"), ON_2, watch_s=5.0),
    Row("sidecar frozen, resumed", fault("freeze-sidecar"), ON_2, watch_s=5.0),
    Row("power off", fault("power-off"), ON_2),
    Row("stand-by pruned, power off", _prune_and_power_off, ON_2, watch_s=6.0),
    Row("LAN cable", fault("unplug", 1, "lan"), ON_2),
    Row("LAN rx-dead, carrier up", fault("isolate"), ON_2),
    Row("crossover cable", fault("unplug", 1, "crossover"), HOME),
    Row("serial cable", fault("unplug", 1, "serial"), HOME),
    Row("all heartbeat links", fault("cut-heartbeats"), HOME, watch_s=5.0),
    Row("LAN cut in two, the cables too", fault("unplug", 1, "crossover", "serial"), ON_1, far=ON_2),
    Row("engine stopped", fault("engine-stop"), ON_2),
    Row("engine killed", fault("engine-crash"), HOME),
    Row("engine hangs", fault("engine-hang"), HOME, watch_s=5.0),
    Row("dhcpd killed", fault("kill-service", 1, "dhcpd"), HOME),
    Row("vsftpd broken", fault("break-service", 1, "vsftpd"), ON_2),
    Row("ARP filtered on the holder", fault("filter-arp"), ON_2),
    Row("a foreign host answers, power off", foreign_host_then_power_off, ON_2, outage=True),
    Row("order differs on one server", fault("other-site", 1, "order-reversed"), ON_2, outage=True),
    Row("dhcpd in another group on one", fault("other-site", 2, "dhcpd-moved"), ON_1, outage=True),
    Row("both started at once", _start_together, HOME, outage=True),
    Row("one started alone", _start_2_alone, ON_2, outage=True),
    Row("rolling upgrade", _upgrade, HOME),
)


def heal_home(lab: Lab) -> None:
    lab.heal()
    lab.end_hold_downs()  # each row starts with a clean record
    lab.wait_owned(HOME, timeout_s=HOME_S)


class Matrix:
    """Runs rows on a lab that is at home, under one recorder. A peer that is compared heals in its way."""

    def __init__(
        self, lab: Lab, recorder: LanRecorder, heal: Callable[[Lab], object] = heal_home,
        reach_s: float = REACH_S,
    ) -> None:
        self.lab, self.recorder, self.heal, self.reach_s = lab, recorder, heal, reach_s
        self.macs: dict[str, str] = {}

    def names(self, holders: Mapping[str, set[str]]) -> dict[str, str]:
        """Servers instead of hardware addresses, groups instead of addresses."""
        told = {}
        for group, address in self.lab.addresses.items():
            found = sorted(self.macs.get(mac, mac) for mac in holders.get(address, ()))
            told[group] = " and ".join(found) or "nobody"
        return told

    def learn(self) -> None:
        """Hardware addresses of the servers that run; power may have changed them."""
        for name, server in self.lab.servers.items():
            if server.power == "running":
                self.macs[server.mac] = name

    def run(self, row: Row) -> Outcome:
        self.learn()
        start = time.time() - BEFORE_S
        with ExitStack() as stack:
            far = stack.enter_context(self.lab.prober()) if row.far is not None else None
            broke = time.time()
            row.breaks(self.lab)
            if far is not None:
                faults.inject(self.lab, "split", self.lab.server(2), far.container.container)
            self.learn()
            self._reach(row)
            time.sleep(row.watch_s)  # what must not happen needs its time
            after = self.names(self.recorder.holders())
            beyond = None if far is None else self.names(_latest(far))
            healed = time.time()
            self.heal(self.lab)
            self.learn()
            wait.until(self._at_home, "the LAN to answer from home", timeout_s=REACH_S)
            home = time.time()
            doubles = () if far is None else _doubles(far, healed)
        time.sleep(1.0)  # the counter tells of a DISCOVER when its time is over
        return Outcome(row, broke, healed, home, after, beyond, self.recorder.report(start), doubles)

    def _reach(self, row: Row) -> None:
        def reached() -> bool:
            return self.names(self.recorder.holders(0.3)) == row.after

        with suppress(LabError):  # the outcome says who holds what instead
            wait.until(reached, f"{row.name}: {dict(row.after)}", timeout_s=self.reach_s)

    def _at_home(self) -> bool:
        return self.names(self.recorder.holders(0.3)) == HOME


def _latest(prober: Prober) -> dict[str, set[str]]:
    now = time.time()
    return {a: {x.mac for x in one.replies if x.time > now - 0.5} for a, one in prober.seen().items()}


def _doubles(prober: Prober, until: float) -> tuple[float, ...]:
    return tuple(at for one in prober.seen().values() for at, _ in one.doubles() if at < until)
