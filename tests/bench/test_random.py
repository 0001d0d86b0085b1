"""Servers lose their power at random moments while real programs fetch hundreds of files: with figures.

Prints a row for each program: how many moves fell into its work, whether every file came whole, resets that
came to it, its silences; and why the takeover processes reset what they reset. Asserts that all was right.
`make bench-random ROUNDS=5 SEED=7 PROGRAMS="curl dnf" RATE=20mbit COPIES=2`.
"""

from __future__ import annotations

import json
import os
import random
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table
from twinlab.host import testlab
from twinlab.host.server import TAKEOVER
from twinlab.lab import Lab
from twinlab.programs.atrandom import FetchWorkers
from twinlab.programs.fetching import trees
from twinlab.programs.randomtable import reasons, table
from twinlab.programs.sweeps import SWEEPS

NAME = testlab.name("benchr")
ROUNDS = int(os.environ.get("BENCH_ROUNDS") or 3)
SEED = int(os.environ.get("BENCH_SEED") or 2008)
COPIES = int(os.environ.get("BENCH_COPIES") or 1)
RATE = os.environ.get("BENCH_RATE") or "20mbit"
PROGRAMS = os.environ.get("BENCH_PROGRAMS", "").split() or list(SWEEPS)
LOG = Path(__file__).parents[2] / "build/bench/random.log"
RESULTS = Path(__file__).parents[2] / "build/bench/random.json"


def show(found: dict[str, list[dict[str, object]]]) -> None:
    head, *rows = table(found["machines"])
    printed = Table(*head, title=f"{ROUNDS} rounds, seed {SEED}")
    for row in rows:
        printed.add_row(*(cell.replace("**", "") for cell in row))
    Console(width=200).print(printed)
    print("\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)))
    for reason, count in reasons(found["rounds"]):
        print(f"  {count} x {reason}")
    for one in found["machines"]:
        for reset in one["reset"]:  # type: ignore[attr-defined]
            print(f"  {one['name']}: reset {reset}")
        for turn in one["failed"]:  # type: ignore[attr-defined]
            print(f"  {one['name']}: {turn}")


def test_random_moments() -> None:
    wanted = [(name, scheme) for _ in range(COPIES) for name in PROGRAMS for scheme in SWEEPS[name].schemes]
    lab, rounds = Lab(NAME, print), []
    lab.down()
    with lab:
        lab.up(trees=trees(), patch={"takeover": "on"})
        with (FetchWorkers.on(lab, wanted, RATE, SEED) as workers, lab.events() as events,
              lab.events(TAKEOVER) as takeovers):
            workers.under_way()
            for number in range(ROUNDS):
                rounds.append(workers.round(random.Random(f"{SEED}/{number}"), events))
                print(f"round {number + 1}: {rounds[-1]}", flush=True)
            workers.stop()
            LOG.parent.mkdir(parents=True, exist_ok=True)
            LOG.write_text("\n".join(one.text for one in (*events.all, *takeovers.all)))
            found = {"rounds": [asdict(one) for one in rounds], "machines": workers.seen(rounds)}
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(found, indent=1))
    show(found)
    assert all(not one["failed"] for one in found["machines"])
    # Whoever has closed may still be told off by a kernel that had a segment twice, move or no move.
    assert [reset for one in found["machines"] for reset in one["reset"] if not reset[-1]] == []
