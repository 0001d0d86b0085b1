"""Bad cables, busy processors, a wrong clock, a broken disk: nothing moves, and what is wrong is told."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from alarmhelp import alarm_texts
from twinlab import Lab
from twinlab.faults import faults
from twinlab.host.testlab import name
from twinlab.host.wait import until
from twinlab.measure.events import Events
from twinlab.measure.matrix import HOME

SHORT = {"interval_s": 0.05, "warntime_s": 0.12, "deadtime_s": 0.25}
LOAD = "while :; do curl -s -o /dev/null ftp://{0}/trees/rh9/big.bin || sleep 0.2; done"
MOVES = ("group-claimed", "group-released")
DEATHS = (*MOVES, "peer-dead")
LONG_S, BRIEF_S = 90.0, 15.0


@contextmanager
def nothing_moves(lab: Lab, unseen: tuple[str, ...] = DEATHS) -> Iterator[Events]:
    """No group is claimed, given or lost during the block; by default no peer is taken for dead."""
    with lab.events() as events, lab.prober() as prober:
        prober.settle(1.0)
        yield events
        found = [event.text for event in events.named("peer-dead") if "lan_proven_by" in event.fields]
        assert found == [], "found dead by asking the LAN"
        moved = [event.text for event in events.all if event.name in unseen]
        assert moved == []
        lab.wait_owned(HOME)  # a server whose processors are full may be slow to say so
        for address, seen in prober.seen().items():
            assert len(seen.holders()) == 1, address
            assert seen.doubles() == []


@contextmanager
def load(lab: Lab) -> Iterator[None]:
    """Both servers' processors are saturated, and FTP goes at full rate from both addresses."""
    with ExitStack() as stack:
        for address in lab.addresses.values():
            stack.enter_context(lab.machine("sh", "-c", LOAD.format(address)))
        for server in (1, 2):
            stack.enter_context(lab.fault("cpu", server))
        yield


@pytest.fixture(scope="module")
def quick(trees: Path) -> Iterator[Lab]:
    """A lab with short timers."""
    with Lab(name("quick"), print) as lab:
        lab.down()
        yield lab.up(trees=trees, patch={"heartbeat": {"timers": SHORT}})


@pytest.fixture(scope="module")
def breakable(trees: Path) -> Iterator[Lab]:
    """A lab with disks that can be broken."""
    with Lab(name("disk"), print) as lab:
        lab.down()
        yield lab.up(trees=trees, disk=True)


@pytest.mark.long  # the simulation has the weather
@pytest.mark.parametrize("seconds", [BRIEF_S, LONG_S])
def test_bad_cables_move_nothing(lab: Lab, seconds: float) -> None:
    """A third of all frames lost, those that come late by up to 0.2 s, out of order, some twice."""
    bad = lab.fault("lossy", 1, "loss=30", "jitter=200", "duplicate=5")
    with nothing_moves(lab), bad:
        ping = ("ping", "-q", "-i", "0.2", "-c", "40", "-W", "1", peer(lab))
        said = lab.server(1).exec(*ping, check=False).out
        assert "100% packet loss" not in said
        assert " 0% packet loss" not in said, said
        time.sleep(seconds)


def peer(lab: Lab) -> str:
    return str(lab.site["servers"]["server2"]["address"])


@pytest.mark.long
def test_busy_processors_move_nothing(lab: Lab) -> None:
    """Without real-time priority, as here, a slow machine's sidecar may be late by a deadtime once: then the
    LAN is asked, and its kernel answers."""
    with load(lab), nothing_moves(lab, unseen=MOVES):
        time.sleep(LONG_S)


@pytest.mark.long
def test_busy_processors_move_nothing_with_short_timers(quick: Lab) -> None:
    """Without real-time priority, as here, a sidecar runs late by a deadtime of 0.25 s now and then.

    Its kernel answers on the LAN all the time, and so nobody takes its address.
    """
    quick.wait_owned(HOME)
    with load(quick), nothing_moves(quick, unseen=MOVES):
        time.sleep(LONG_S)


@pytest.mark.long
def test_a_clock_set_back_an_hour_moves_nothing(lab: Lab) -> None:
    one, two = lab.server(1), lab.server(2)
    with lab.fault("clock", 1, "0"), ExitStack() as stack:  # its sidecar starts anew with a clock of its own
        lab.wait_owned(HOME)
        with nothing_moves(lab):
            before = len(one.logs(tail=10_000).splitlines())
            faults.inject(lab, "clock", one, "-3600")
            stack.enter_context(lab.fault("unplug", 2, "crossover"))  # so that something is logged
            until(lambda: "link-down" in "".join(one.logs().splitlines()[-3:]), "the lost link", timeout_s=20)
            lines = one.logs(tail=10_000).splitlines()[before:]
            hour = time.strftime("%Y-%m-%dT%H", time.gmtime(time.time() - 3600))
            assert hour in lines[-1], "the clock was not turned"
            assert not [line for line in lines if any(move in line for move in DEATHS)]
            assert two.has(lab.address("second"))
    lab.wait_owned(HOME)


@pytest.mark.long
@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("disk-full", "No space left"),
        ("disk-slow", "a small write"),
        ("disk-read-only", "Read-only file system"),
    ],
)
def test_a_broken_disk_is_told_and_moves_nothing(breakable: Lab, fault: str, told: str) -> None:
    breakable.wait_owned(HOME)
    server = breakable.server(1)

    def alarmed() -> bool:
        view = server.status()
        text = alarm_texts(view or {"alarms": []}).get(("disk-failing", server.name), "")
        return told in text

    with breakable.fault(fault, 1):
        with nothing_moves(breakable):
            until(alarmed, f"the alarm: {told}", timeout_s=40, every_s=0.5)
            time.sleep(5)
            for address in breakable.addresses.values():
                breakable.client("curl", "-sSf", "-o", "/dev/null", f"ftp://{address}/trees/rh9/.treeinfo")
        if fault == "disk-read-only":
            return  # heals by a restart of the machine
    until(lambda: not alarmed(), "the alarm to end", timeout_s=40)
