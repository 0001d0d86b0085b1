"""The client matrix with figures: every program, every fault, each way of dealing with connections.

Prints a table per mode: how each client ended, and the longest time in which it got no data, by a capture
at the client. Asserts only that everything was run. `make bench-clients RUNS=3 MODES=on FAULTS="planned move"
PROGRAMS="curl wget"`; what was measured before is kept in build/bench/clients.json.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from twinlab.host import testlab
from twinlab.lab import Lab
from twinlab.programs.clientmatrix import FAULTS, run
from twinlab.programs.clienttable import table
from twinlab.programs.fetching import Fetchers, trees
from twinlab.programs.programs import PROGRAMS

NAME = testlab.name("benchc")
RUNS = int(os.environ.get("BENCH_RUNS") or 1)
RESULTS = Path(__file__).parents[2] / "build/bench/clients.json"


def chosen(variable: str, every: Sequence[str], separator: str | None = None) -> list[str]:
    wanted = [name.strip() for name in os.environ.get(variable, "").split(separator) if name.strip()]
    unknown = set(wanted) - set(every)
    assert not unknown, f"{variable}: {', '.join(unknown)}; there are {', '.join(every)}"
    return wanted or list(every)


@contextmanager
def lab_with(mode: str) -> Iterator[Lab]:
    """A lab whose site file says `takeover: MODE`."""
    lab = Lab(f"{NAME}-{mode}", print)
    lab.down()
    with lab:
        yield lab.up(trees=trees(), patch={"takeover": mode})


def show(mode: str, runs: Mapping[str, Any]) -> None:
    names = list(dict.fromkeys(name for found in runs.values() for one in found for name in one["clients"]))
    head, *rows = table(runs, names)
    printed = Table(*head, title=f"takeover: {mode}")
    for row in rows:
        printed.add_row(*(cell.replace("**", "") for cell in row))
    Console(width=200).print(printed)
    print("\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)))


def test_clients() -> None:
    every: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    wanted = chosen("BENCH_FAULTS", list(FAULTS), ";")
    modes = chosen("BENCH_MODES", ["on", "tickle", "off"])
    programs = chosen("BENCH_PROGRAMS", list(PROGRAMS))
    for mode in modes:
        mine = every.setdefault(mode, {})
        with lab_with(mode) as lab, Fetchers.on(lab.layout, programs) as clients:
            for turn in range(RUNS):
                for fault in wanted:
                    found = run(lab, clients, fault)
                    mine[fault] = (mine.get(fault, []) if turn else []) + [found.as_json()]
                    RESULTS.parent.mkdir(parents=True, exist_ok=True)
                    RESULTS.write_text(json.dumps(every, indent=1))
                    print(f"{mode}, {fault}, run {turn + 1}: claimed after {found.claim_s}", flush=True)
                    for one in found.verdicts:
                        print(f"  {one}", flush=True)
        show(mode, {fault: mine[fault] for fault in wanted})
    assert all(len(every[mode][fault]) == RUNS for mode in modes for fault in wanted)
