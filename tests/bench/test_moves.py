"""How long a virtual address answers nobody when it moves, beside keepalived in the same run.

Both stand on the same lab LAN and are watched by the same prober (an ARP request every 20 ms). Prints
medians; asserts only that each move happened. Keepalived is measured with adverts every 1 s (its default)
and every 0.2 s (Twinboot's default interval).
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from twinlab import faults, testlab, wait
from twinlab.engine import docker
from twinlab.images import versions
from twinlab.lab import Lab
from twinlab.layout import LABEL
from twinlab.prober import Prober

NAME = testlab.name("bench")
ROUNDS = 5
IMAGE = "twinboot-test/keepalived"
RESULTS = Path(__file__).parents[2] / "build/bench/moves.json"


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    here = Lab(NAME, print)
    here.down()
    with here:
        yield here.up()


def gap_of(prober: Prober, address: str, act: Callable[[], object], settled: Callable[[], object]) -> float:
    """Seconds that the address answered nobody because of `act`."""
    start = time.time()
    act()
    settled()
    prober.settle(0.3)
    return max((gap.seconds for gap in prober.seen()[address].gaps(0.0) if gap.end > start), default=0.0)


def twinboot_moves(lab: Lab) -> dict[str, list[float]]:
    """Gaps of the first group's address; it goes home between the rounds."""
    home, away, server = {"first": "server1"}, {"first": "server2"}, lab.server(1)
    found: dict[str, list[float]] = {"planned move": [], "power-off": []}
    with lab.prober([lab.address("first")]) as prober:
        for _ in range(ROUNDS):
            for what, fault in (("planned move", "standby"), ("power-off", "power-off")):
                found[what].append(gap_of(
                    prober, lab.address("first"),
                    lambda name=fault: faults.inject(lab, name, server),  # type: ignore[misc]
                    lambda: _owned(lab, away),
                ))  # fmt: skip
                faults.heal(lab, server)
                lab.wait_owned(home, timeout_s=90)
                prober.settle(1.0)
    return found


def _owned(lab: Lab, wanted: dict[str, str]) -> bool:
    """Wait until these servers hold these groups; a dead server's view does not count."""
    group, server = next(iter(wanted.items()))
    return wait.until(lambda: server in lab.owners()[group], f"{server} to hold {group}", timeout_s=60)


@contextmanager
def keepalived(lab: Lab, advert_s: float) -> Iterator[tuple[list[str], str]]:
    """Two keepalived nodes on the lab's LAN; yields their containers and their virtual address."""
    base = lab.layout.lan.network_address
    names, address = [f"{NAME}-keepalived{n}" for n in (1, 2)], str(IPv4Address(int(base) + 62))
    for number, name in enumerate(names):
        docker("rm", "-f", name, check=False)
        docker(
            "run", "-d", "--name", name, "--label", f"{LABEL}={NAME}", "--network", lab.layout.lan_network,
            "--ip", str(IPv4Address(int(base) + 60 + number)),
            "--cap-add", "NET_ADMIN", "--cap-add", "NET_RAW",
            "--env", f"PRIORITY={200 - 50 * number}", "--env", f"ADVERT_S={advert_s}",
            "--env", f"ADDRESS={address}", IMAGE,
        )  # fmt: skip
    try:
        yield names, address
    finally:
        docker("rm", "-f", *names, check=False)


def keepalived_moves(lab: Lab, advert_s: float) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {"planned move": [], "power-off": []}
    with keepalived(lab, advert_s) as (names, address), lab.prober([address]) as prober:

        def held_by(name: str) -> bool:
            return wait.until(
                lambda: address in docker("exec", name, "ip", "-4", "addr").out,
                f"{name} to hold {address}", timeout_s=30, every_s=0.1,
            )  # fmt: skip

        for _ in range(ROUNDS):
            for what, act in (("planned move", "stop"), ("power-off", "kill")):
                held_by(names[0])
                prober.settle(1.0)
                found[what].append(gap_of(
                    prober, address, lambda verb=act: docker(verb, names[0]), lambda: held_by(names[1])  # type: ignore[misc]
                ))  # fmt: skip
                docker("start", names[0])
    return found


def test_moves(lab: Lab) -> None:
    context, base = Path(__file__).parent / "keepalived", f"BASE={versions()['BASE']}"
    docker("build", "-q", "--build-arg", base, "-t", IMAGE, str(context), timeout_s=900)
    results = {
        "Twinboot (interval 0.2 s, deadtime 1 s)": twinboot_moves(lab),
        "keepalived (adverts 0.2 s)": keepalived_moves(lab, 0.2),
        "keepalived (adverts 1 s, its default)": keepalived_moves(lab, 1),
    }
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(results, indent=1))
    print(f"\ngap of the virtual address, milliseconds: median [min-max] of {ROUNDS}")
    for who, moves in results.items():
        for what, gaps in moves.items():
            ms = sorted(round(gap * 1000) for gap in gaps)
            print(f"  {who:<42} {what:<13} {statistics.median(ms):6.0f} [{ms[0]}-{ms[-1]}]")
    assert all(len(gaps) == ROUNDS and min(gaps) > 0 for moves in results.values() for gaps in moves.values())
