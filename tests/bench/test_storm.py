"""Hundreds of machines install at once, a server loses its power in the middle and comes back: with figures.

Prints how long it took beside the ideal (the bytes over the servers' links, one of them while the other is
off), what each server had of the load, and how much more two servers deliver than one. Asserts that every
machine came to its end with the right bytes. `make bench-storm MACHINES=200 MBIT=40`.

With MODES="parity dns load": machines of unequal size, and no power-off; how long each way of balancing takes
beside the ideal, the bytes over both links. `make bench-storm MODES="parity dns load" MACHINES=40 MBIT=16`.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from twinlab.host import testlab
from twinlab.host.server import TAKEOVER
from twinlab.lab import Lab
from twinlab.programs import sharestorm
from twinlab.programs.installstorm import Storm, narrow, patch, run_with_power_off, trees

NAME = testlab.name("benchs")
MACHINES = int(os.environ.get("BENCH_MACHINES") or 200)
MBIT = int(os.environ.get("BENCH_MBIT") or 40)
MODES = (os.environ.get("BENCH_MODES") or "").split()
AT_ONCE = int(os.environ.get("BENCH_AT_ONCE") or 6)
SEED = int(os.environ.get("BENCH_SEED") or 1)
ASTRAY = 1e-4
"""Of all bytes, what may come from the other server: DHCP."""
LOG = Path(__file__).parents[2] / "build/bench/storm.log"
RESULTS = Path(__file__).parents[2] / "build/bench/storm.json"


@pytest.mark.skipif(bool(MODES), reason="MODES compares ways of balancing")
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


@pytest.mark.skipif(not MODES, reason="MODES names no ways of balancing")
def test_ways_of_balancing() -> None:
    found = {mode: _one_way(mode) for mode in MODES}
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.with_name("storm-modes.json").write_text(json.dumps(found, indent=1))
    for mode, one in found.items():
        shares = " and ".join(f"{100 * part:.0f}" for part in one["shares"].values())
        print(f"  {mode}: {one['took_s']:.1f} s, {one['ratio']:.2f} times the ideal {one['ideal_s']:.1f} s")
        print(f"    {shares} % of the bytes; installs {dict(one['installs'])}, at once {one['at_once']}")
    for one in found.values():
        assert (one["failed"], one["unfinished"]) == ([], 0)


def _one_way(mode: str) -> dict[str, Any]:
    lab = Lab(NAME, print)
    lab.down()
    with lab:
        lab.up(trees=trees(), patch=sharestorm.patch(MACHINES, mode, AT_ONCE))
        for server in lab.servers.values():
            narrow(server, MBIT)
        more = sharestorm.words(lab, SEED)
        with Storm.of(lab, MACHINES, more=more, limit_s=sharestorm.END_S) as storm:
            return sharestorm.measured(storm, MACHINES, MBIT)
