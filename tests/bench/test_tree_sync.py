"""How late heartbeats leave while a tree is fetched: a part of `make bench-trees GB=n`.

Both servers' agents count how late their ticks run (twinboot_loop_lag_seconds): at rest for as long as
LENGTH_S, and while one fetches a tree of so many GB from the other over their direct cable, without a limit
to its rate. Each counts in classes, so a figure is the upper bound of one.
"""

from __future__ import annotations

import json
import os
import re
import time
from pathlib import Path

from treehelp import contents, import_medium, make_medium, own_trees, word
from twinlab import Lab
from twinlab.host import testlab
from twinlab.host.server import Server
from twinlab.host.wait import until

GIGABYTES = float(os.environ.get("BENCH_GB") or 2)
SETTLE_S, LENGTH_S = 10, 30
RESULTS = Path(__file__).parents[2] / "build/bench/tree-sync.json"
URL = "http://127.0.0.1:9694/metrics"
READ = f"import urllib.request; print(urllib.request.urlopen('{URL}', timeout=5).read().decode(), end='')"
BUCKET = re.compile(r'^twinboot_loop_lag_seconds_bucket\{le="([^"]+)"\} ([0-9.e+]+)$', re.M)


def lags(server: Server) -> dict[float, float]:
    """Upper bound in s -> ticks that were no later, since the agent began."""
    said = server.sidecar("python3", "-c", READ).out
    return {float(bound.replace("+Inf", "inf")): float(count) for bound, count in BUCKET.findall(said)}


def since(before: dict[float, float], after: dict[float, float]) -> dict[str, float]:
    """Of the ticks between two looks: how many, and the bounds in ms of 99 of 100 and of all."""
    counts = {bound: after[bound] - before[bound] for bound in sorted(after)}
    ticks = counts[float("inf")]
    assert ticks > 0

    def bound_of(share: float) -> float:
        return 1000 * next(bound for bound, count in counts.items() if count >= share * ticks)

    return {"ticks": ticks, "p99_ms": bound_of(0.99), "max_ms": bound_of(1.0)}


def test_heartbeats_while_a_tree_is_fetched() -> None:
    found: dict[str, dict[str, dict[str, float]]] = {}
    with Lab(testlab.name("bench-sync"), print) as lab:
        lab.down()
        lab.up()
        with own_trees(lab):
            one, two = lab.server(1), lab.server(2)
            make_medium(one, int(GIGABYTES * 1000))
            time.sleep(SETTLE_S)

            before = [(server, lags(server)) for server in (one, two)]
            time.sleep(LENGTH_S)
            found["at rest"] = {server.name: since(then, lags(server)) for server, then in before}

            import_medium(one, "t")
            before = [(server, lags(server)) for server in (one, two)]
            begun = time.monotonic()
            until(lambda: word(lab, "t", two.name) == "same", "the tree to come", timeout_s=600)
            took_s = time.monotonic() - begun
            found["fetching"] = {server.name: since(then, lags(server)) for server, then in before}
            assert contents(two, "t") == contents(one, "t") != ""
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps({"took_s": took_s, "gigabytes": GIGABYTES, **found}, indent=1))
    print(f"\n{GIGABYTES:g} GB fetched in {took_s:.1f} s\n\n| ticks are late, ms | ticks | 99 of 100 | all |")
    print("|---|---|---|---|")
    for when, servers in found.items():
        for server, row in servers.items():
            print(f"| {when}, {server} | {row['ticks']:.0f} | <= {row['p99_ms']:g} | <= {row['max_ms']:g} |")
