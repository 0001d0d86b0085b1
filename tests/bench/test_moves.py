"""How long a virtual address answers nobody when it moves, beside keepalived in the same run.

Both stand on the same lab LAN and are watched by the same prober (an ARP request every 5 ms, with a place in
front of the processor: its own waits would look like gaps). Prints medians; asserts only that each move
happened. Keepalived is measured with adverts every 1 s (its default), 0.2 s and 0.1 s (Twinboot's default
interval); Twinboot with its default timers, with a direct cable between the servers and without any, and with
short timers.

Announced: from the power-off to the first gratuitous ARP of the taker.
"""

from __future__ import annotations

import json
import os
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

from twinlab.faults import cable, faults
from twinlab.host import labsite, testlab, wait
from twinlab.host.engine import docker
from twinlab.host.images import versions
from twinlab.host.layout import LABEL
from twinlab.lab import Lab
from twinlab.measure.prober import Prober

NAME = testlab.name("bench")
ROUNDS = 5
IMAGE = "twinboot-test/keepalived"
EVERY_S = 0.005
LOAD_S = 30
SHORT = {"interval_s": 0.05, "warntime_s": 0.12, "deadtime_s": 0.25}
QUICK = "Twinboot (interval 0.05 s, deadtime 0.25 s)"
CABLE, NO_CABLE = "Twinboot (defaults, direct cable)", "Twinboot (defaults, LAN alone)"
ADVERTS_S = [float(one) for one in (os.environ.get("BENCH_ADVERTS") or "0.1 0.2 1").split()]
"""Seconds between keepalived's adverts."""
RESULTS = Path(__file__).parents[2] / "build/bench"


@dataclass(frozen=True)
class Move:
    """How long the address answered nobody, and when the taker said that it has it."""

    gap_s: float
    announced_s: float


Moves = dict[str, list[Move]]


@contextmanager
def twinboot(timers: Mapping[str, float], site: Path | None = None) -> Iterator[Lab]:
    lab = Lab(NAME, print)
    lab.down()
    with lab:
        yield lab.up(site=site, patch={"heartbeat": {"timers": dict(timers)}})


def without_crossover(folder: Path) -> Path:
    """The default site with one heartbeat link, over the LAN (the lab adds its serial line)."""
    site = labsite.read(labsite.DEFAULT_SITE)
    for server in site["servers"].values():
        del server["links"]["crossover"]
    path = folder / "site.yaml"
    path.write_text(labsite.dump(site), encoding="utf-8")
    return path


def move(prober: Prober, address: str, act: Callable[[], object], settled: Callable[[], object]) -> Move:
    """What `act`, which hands out when it began (or nothing), does to the address."""
    before = time.time()
    at = act()
    start = at if isinstance(at, float) else before
    settled()
    prober.settle(0.3)
    seen = prober.seen()[address]
    gap = max((gap.seconds for gap in seen.gaps(0.0) if gap.end > start), default=0.0)
    return Move(gap, next((when - start for when, _ in seen.announcements if when > start), float("nan")))


def twinboot_moves(lab: Lab, faulty: Mapping[str, str]) -> Moves:
    """The first group's address under each of these faults; it goes home between the rounds."""
    home, away, server = {"first": "server1"}, {"first": "server2"}, lab.server(1)
    found: Moves = {what: [] for what in faulty}
    with lab.prober([lab.address("first")], every_s=EVERY_S) as prober:
        for _ in range(ROUNDS):
            for what, fault in faulty.items():
                found[what].append(move(
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


def stop(container: str) -> None:
    docker("stop", container)


def cut_off(container: str) -> float:
    """Its power goes: the cable first, as for our servers, since its kernel outlives the process; when."""
    at = cable.plug(container, "eth0", up=False)
    docker("kill", container)
    return at


def keepalived_moves(lab: Lab, advert_s: float) -> Moves:
    found: Moves = {"planned move": [], "power-off": []}
    with (
        keepalived(lab, advert_s) as (names, address),
        lab.prober([address], every_s=EVERY_S) as prober,
    ):

        def held_by(name: str) -> bool:
            return wait.until(
                lambda: address in docker("exec", name, "ip", "-4", "addr").out,
                f"{name} to hold {address}", timeout_s=30, every_s=0.1,
            )  # fmt: skip

        for _ in range(ROUNDS):
            for what, act in (("planned move", stop), ("power-off", cut_off)):
                held_by(names[0])
                prober.settle(1.0)
                found[what].append(move(
                    prober, address, lambda how=act: how(names[0]), lambda: held_by(names[1])  # type: ignore[misc]
                ))  # fmt: skip
                docker("start", names[0])
    return found


def false_failovers(lab: Lab) -> int:
    """Servers thought dead while every processor of both was busy; afterwards all is idle again."""
    busy = f"for _ in $(seq $(nproc)); do timeout {LOAD_S} sh -c 'while :; do :; done' & done; wait"
    with lab.events() as events, ThreadPoolExecutor() as pool:
        list(pool.map(lambda server: server.exec("sh", "-c", busy), lab.servers.values()))
        return len(events.named("peer-dead"))


def row(who: str, what: str, seconds: list[float]) -> str:
    ms = sorted(round(one * 1000) for one in seconds)
    return f"  {who:<44} {what:<24} {statistics.median(ms):6.0f} [{ms[0]}-{ms[-1]}]"


def test_moves(tmp_path: Path) -> None:
    context, base = Path(__file__).parent / "keepalived", f"BASE={versions()['BASE']}"
    docker("build", "-q", "--build-arg", base, "-t", IMAGE, str(context), timeout_s=900)
    results: dict[str, Moves] = {}
    with twinboot({}) as lab:
        both = {"planned move": "standby", "power-off": "power-off"}
        results[CABLE] = twinboot_moves(lab, both)
        for advert_s in ADVERTS_S:
            results[f"keepalived (adverts {advert_s:g} s)"] = keepalived_moves(lab, advert_s)
        deaths = false_failovers(lab)
    with twinboot({}, without_crossover(tmp_path)) as lab:
        results[NO_CABLE] = twinboot_moves(lab, {"power-off": "power-off"})
    report(results, "moves")
    print(f"  defaults: thought dead in {LOAD_S} s of full processors: {deaths}")


def test_short_timers() -> None:
    with twinboot(SHORT) as lab:
        results = {QUICK: twinboot_moves(lab, {"power-off": "power-off"})}
        deaths = false_failovers(lab)
    report(results, "moves-short")
    print(f"  {QUICK}: thought dead in {LOAD_S} s of full processors: {deaths}")


def report(results: Mapping[str, Moves], name: str) -> None:
    RESULTS.mkdir(parents=True, exist_ok=True)
    plain = {w: {f: [vars(one) for one in found] for f, found in m.items()} for w, m in results.items()}
    (RESULTS / f"{name}.json").write_text(json.dumps(plain, indent=1))
    print(f"\nmilliseconds: median [min-max] of {ROUNDS}")
    for who, moves in results.items():
        for what, found in moves.items():
            print(row(who, f"{what}: gap", [one.gap_s for one in found]))
            if what == "power-off":
                print(row(who, f"{what}: announced", [one.announced_s for one in found]))
    every = [one for moves in results.values() for found in moves.values() for one in found]
    assert all(one.gap_s > 0 and one.announced_s > 0 for one in every)
