"""Hundreds of machines install at once, a server loses its power in the middle and comes back: with figures.

Prints how long it took beside the ideal (the bytes over the servers' links, one of them while the other is
off), what each server had of the load, and how much more two servers deliver than one. Asserts that every
machine came to its end with the right bytes. `make bench-storm MACHINES=200 MBIT=40`.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from twinlab.host import testlab
from twinlab.host.server import TAKEOVER
from twinlab.lab import Lab
from twinlab.programs.installstorm import Storm, narrow, patch, run_with_power_off, trees

NAME = testlab.name("benchs")
MACHINES = int(os.environ.get("BENCH_MACHINES") or 200)
MBIT = int(os.environ.get("BENCH_MBIT") or 40)
ASTRAY = 1e-4
"""Of all bytes, what may come from the other server: DHCP."""
LOG = Path(__file__).parents[2] / "build/bench/storm.log"
RESULTS = Path(__file__).parents[2] / "build/bench/storm.json"


def test_storm() -> None:
    lab = Lab(NAME, print)
    lab.down()
    with lab:
        lab.up(trees=trees(), patch=patch(MACHINES))
        for server in lab.servers.values():
            narrow(server, MBIT)
        with Storm.of(lab, MACHINES) as storm, lab.events() as events, lab.events(TAKEOVER) as takeovers:
            found = run_with_power_off(lab, storm, MACHINES, MBIT)
            RESULTS.parent.mkdir(parents=True, exist_ok=True)
            LOG.write_text("\n".join(one.text for one in (*events.all, *takeovers.all)))
    RESULTS.write_text(json.dumps(found, indent=1))
    for name, value in found.items():
        print(f"  {name}: {value}")
    assert found["unfinished"] == 0
    assert found["failed"] == []
    assert found["resets"] == []
    assert found["astray"] < ASTRAY * found["bytes"]
    assert all(abs(part - 0.5) < 0.02 for part in found["shares"].values())
