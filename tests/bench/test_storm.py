"""Hundreds of machines install at once, a server loses its power in the middle and comes back: with figures.

Prints how long it took beside the ideal (the bytes over the servers' links, one of them while the other is
off), what each server had of the load, and how much more two servers deliver than one. Asserts that every
machine came to its end with the right bytes. `make bench-storm MACHINES=200 MBIT=40`.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest
from twinlab import faults, testlab
from twinlab.installstorm import PATCH, PAYLOAD, Storm, ideal_s, narrow, one_install, shares, trees
from twinlab.lab import Lab
from twinlab.matrix import HOME, ON_2

NAME = testlab.name("benchs")
MACHINES = int(os.environ.get("BENCH_MACHINES") or 200)
MBIT = int(os.environ.get("BENCH_MBIT") or 40)
RATE = 40.0
END_S = 180.0
RESULTS = Path(__file__).parents[2] / "build/bench/storm.json"


def go_through(lab: Lab, storm: Storm) -> dict[str, object]:
    """Power-off at a third of the bytes, on again at the half; figures."""
    total = one_install() * MACHINES
    begun, before = time.time(), lab.wire_bytes()
    storm.wait_bytes(0.1 * total)
    busy = time.time()
    storm.wait_bytes(0.35 * total)
    share = shares(before, lab.wire_bytes(), storm.addresses)
    down = faults.inject(lab, "power-off", lab.server(1))
    lab.wait_owned(ON_2)
    claimed = time.time()
    storm.wait_bytes(0.55 * total)
    one_until = time.time()
    lab.heal()
    narrow(lab.server(1), MBIT)
    lab.wait_owned(HOME)
    up = time.time()
    with suppress(subprocess.TimeoutExpired):
        storm.wait_end(END_S)
    time.sleep(1.0)  # its last lines
    took = max(one["ended"] for one in storm.ends) - begun
    got = sum(one["bytes"] for one in storm.ends)
    two, one = storm.rate(busy, down), storm.rate(claimed, one_until)
    return {
        "machines": MACHINES, "mbit": MBIT, "bytes": got, "took_s": took, "outage_s": up - down,
        "ideal_s": ideal_s(got, MBIT * 125_000 * PAYLOAD, begun, [(down, up)]),
        "shares": share, "two_mbit": two / 125_000, "one_mbit": one / 125_000, "ratio": two / one,
        "unfinished": MACHINES - len(storm.ends),
        "failed": [end for end in storm.ends if end["error"]], "resets": storm.resets(),
        "again": sum(end["again"] for end in storm.ends),
    }


def test_storm() -> None:
    lab = Lab(NAME, print)
    lab.down()
    with pytest.MonkeyPatch.context() as patch, lab:
        patch.setenv("TWINBOOT_ADOPT", "on")
        lab.up(trees=trees(), patch=PATCH)
        for server in lab.servers.values():
            narrow(server, MBIT)
        with Storm.of(lab, MACHINES, RATE) as storm:
            found = go_through(lab, storm)
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(found, indent=1))
    for name, value in found.items():
        print(f"  {name}: {value}")
    assert found["unfinished"] == 0
    assert found["failed"] == []
    assert found["resets"] == []
