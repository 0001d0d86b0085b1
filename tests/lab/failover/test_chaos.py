"""Faults that nobody listed together: chosen at random, one on top of the other, on either server.

CHAOS_SEED and CHAOS_STEPS choose others; what a step did is in its name. What a client may see: two
holders of an address never while something is broken, and when all is healed for no longer than the
joining of a cut LAN takes; two DHCP answers likewise. Then each group is at home.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest
from twinlab import Lab
from twinlab.faults import faults
from twinlab.host.engine import CommandError
from twinlab.measure.lan_recorder import LanRecorder, Report
from twinlab.measure.matrix import HOME, OFFER_S, heal_home

SEED = int(os.environ.get("CHAOS_SEED", "2008"))
STEPS = int(os.environ.get("CHAOS_STEPS", "10"))
JOINED_S = 3.0

FAULTS = (
    "power-off", "shut-down", "freeze", "kill-sidecar", "crash-sidecar", "stop-sidecar", "freeze-sidecar",
    "standby", "engine-hang", "engine-crash", "unplug lan", "unplug crossover", "unplug serial",
    "unplug crossover serial", "unplug lan crossover serial", "isolate", "rx-dead", "tx-dead",
    "cut-heartbeats",
    "flap lan 3 0.5", "lossy loss=30 jitter=200 duplicate=5", "cpu", "kill-service dhcpd",
    "crash-service vsftpd", "break-service httpd", "freeze-service tftp", "kill-service engine-proxy",
)  # fmt: skip

pytestmark = pytest.mark.long


def plan(step: int) -> list[tuple[str, int, float]]:
    """Two or three faults: which, on which server, and how many seconds later the next thing happens."""
    chance = random.Random(f"{SEED}/{step}")
    count = chance.choice((2, 2, 3))
    return [(chance.choice(FAULTS), chance.choice((1, 2)), chance.choice((0.0, 0.3, 1.0, 2.5, 6.0)))
            for _ in range(count)]


@pytest.fixture(scope="module")
def recorder(session_lab: Lab) -> Iterator[LanRecorder]:
    heal_home(session_lab)
    with session_lab.lan_recorder() as found:
        yield found


def doubles(report: Report, until: float) -> list[str]:
    """What a client saw twice before all was healed."""
    held = [f"{address} at {at - report.start:.2f} s" for address, times in report.doubles.items()
            for at in times if at < until]
    offered = [f"DHCP at {at - report.start:.2f} s" for at in report.doubled_offers if at < until - OFFER_S]
    return held + offered


@pytest.mark.parametrize("step", range(STEPS), ids=lambda step: "+".join(
    f"{name.replace(' ', ',')}@{server}" for name, server, _ in plan(step)))
def test_no_combination_gives_two_holders(lab: Lab, recorder: LanRecorder, step: int) -> None:
    begun = time.time()
    for name, number, pause_s in plan(step):
        server = lab.server(number)
        if server.power != "running":
            continue
        fault, *words = name.split()
        with suppress(CommandError):  # what the fault needs may be broken already: an engine, a container
            faults.inject(lab, fault, server, *words)
        print(f"{time.time() - begun:.2f} {name} on {server.name}, then {pause_s} s")
        time.sleep(pause_s)
    time.sleep(5.0)
    healed = time.time()
    heal_home(lab)
    print(f"healed at {healed - begun:.2f}, home at {time.time() - begun:.2f}")
    time.sleep(1.0)
    report = recorder.report(begun)
    assert doubles(report, healed) == []
    late = [at for times in report.doubles.values() for at in times if at >= healed]
    assert not late or max(late) - min(late) < JOINED_S
    assert lab.owners() == {group: [who] for group, who in HOME.items()}
    for address in lab.addresses.values():
        lab.client("curl", "-sSf", "-o", "/dev/null", f"http://{address}/trees/rh9/.treeinfo",
                   f"ftp://{address}/trees/rh9/.treeinfo")
