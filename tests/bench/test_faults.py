"""The fault matrix with figures: every row several times, and keepalived beside it in the same lab's servers.

Prints who holds what afterwards, the longest gap of a client (median and range), whether a client ever saw
two holders of one address, and whether one DISCOVER ever had two answers. Asserts only that each row was
run. `make bench-faults RUNS=5 ROWS="power off;LAN cable"`; what was measured before is kept in
build/bench/faults.json, and rows that are run again replace theirs.
"""

from __future__ import annotations

import json
import os
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import peers
from twinlab import LabError
from twinlab.host import testlab, wait
from twinlab.lab import Lab
from twinlab.measure.matrix import HOME, ROWS, Matrix, Row, heal_home

NAME = testlab.name("benchf")
RUNS = int(os.environ.get("BENCH_RUNS") or 5)
WANTED = [name.strip() for name in os.environ.get("BENCH_ROWS", "").split(";") if name.strip()]
SYSTEMS = [name.strip() for name in os.environ.get("BENCH_SYSTEMS", "Twinboot,keepalived").split(",")]
REACH_S = {"Twinboot": 40.0, "keepalived": 10.0}  # some rows keepalived never reaches
RESULTS = Path(__file__).parents[2] / "build/bench/faults.json"


def wanted(rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if not WANTED or row.name in WANTED]


def measure(
    who: str, lab: Lab, rows: Sequence[Row], heal: Callable[[Lab], object], found: dict[str, Any]
) -> None:
    """Every row RUNS times, round after round; kept after each run."""
    with lab.lan_recorder() as recorder:
        matrix = Matrix(lab, recorder, heal, REACH_S[who])
        matrix.learn()
        wait.until(lambda: matrix.names(recorder.holders()) == HOME, "everything at home", timeout_s=60)
        for turn in range(RUNS):
            for row in wanted(rows):
                at = time.monotonic()
                try:
                    run = matrix.run(row).figures()
                except LabError as exc:
                    run = {"after": f"not healed: {exc}"[:200]}
                    heal(lab)
                    time.sleep(5)
                mine = found.setdefault(who, {})
                mine[row.name] = (mine.get(row.name, []) if turn else []) + [run]
                RESULTS.parent.mkdir(parents=True, exist_ok=True)
                RESULTS.write_text(json.dumps(found, indent=1))
                print(f"{who}: {row.name}: {run} ({time.monotonic() - at:.0f} s)", flush=True)


def gap(runs: Sequence[Mapping[str, Any]], what: str) -> str:
    ms = sorted(run[what] for run in runs if run.get(what) is not None)
    return f"{statistics.median(ms):.0f} [{ms[0]}-{ms[-1]}]" if ms else "-"


def two(runs: Sequence[Mapping[str, Any]]) -> str:
    seconds = [run["two_holders_s"] for run in runs if run.get("two_holders_s") is not None]
    return f"YES, {max(seconds):.1f} s" if seconds else "no"


def table(found: Mapping[str, Mapping[str, Sequence[Mapping[str, Any]]]]) -> str:
    titles = ("fault", "system", "runs", "holders", "gap ms", "DHCP gap ms", "two holders", "two offers")
    lines = [f"| {' | '.join(titles)} |", "|---" * len(titles) + "|"]
    for row in ROWS:
        for who in found:
            runs = found[who].get(row.name)
            if runs:
                after = " / ".join(dict.fromkeys(str(run["after"]) for run in runs))
                doubled = "YES" if any(run.get("doubled_dhcp") for run in runs) else "no"
                gaps = (gap(runs, "gap_ms"), gap(runs, "dhcp_gap_ms"))
                cells = (row.name, who, str(len(runs)), after, *gaps, two(runs), doubled)
                lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def test_faults() -> None:
    found: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    if "Twinboot" in SYSTEMS:
        lab = Lab(NAME, print)
        lab.down()
        with lab:
            measure("Twinboot", lab.up(), ROWS, heal_home, found)
    if "keepalived" in SYSTEMS:
        with peers.keepalived(NAME) as lab:
            measure("keepalived", lab, peers.ROWS, peers.heal, found)
    print("\n" + table(found))
    for who in SYSTEMS:
        assert {row.name for row in wanted(peers.ROWS if who == "keepalived" else ROWS)} <= set(found[who])
