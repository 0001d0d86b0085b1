"""What the sidecar costs while nothing happens: processor and memory, with default timers.

Counted by the kernel for the container as a whole, so the health check that Docker runs in it is in.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

from twinlab.host import testlab
from twinlab.host.server import SIDECAR_CONTAINER, Server
from twinlab.lab import Lab

NAME = testlab.name("bench-steady")
SETTLE_S = 10
LENGTH_S = 60
RESULTS = Path(__file__).parents[2] / "build/bench/steady.json"

USED_S = r"""
id=$(docker inspect -f {{.Id}} NAME)
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
    awk '/^usage_usec/ { print $2 / 1e6 }' /sys/fs/cgroup/docker/$id/cpu.stat
else
    awk '{ print $1 / 1e9 }' /sys/fs/cgroup/cpuacct/docker/$id/cpuacct.usage
fi
""".replace("NAME", SIDECAR_CONTAINER)

RESIDENT_KB = r"""
of() { for child in $(cat /proc/$1/task/$1/children); do echo $child; of $child; done; }
for process in $(of $(docker inspect -f {{.State.Pid}} NAME)); do
    sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' /proc/$process/status
done 2>/dev/null | awk '{ sum += $1 } END { print sum }'
""".replace("NAME", SIDECAR_CONTAINER)


def used_s(server: Server) -> float:
    return float(server.exec("sh", "-c", USED_S).out)


def resident_mb(server: Server) -> float:
    return float(server.exec("sh", "-c", RESIDENT_KB).out) / 1024


def test_steady() -> None:
    found: dict[str, dict[str, float]] = {}
    with Lab(NAME, print) as lab:
        lab.down()
        lab.up()
        time.sleep(SETTLE_S)
        begun = {name: (time.monotonic(), used_s(server)) for name, server in lab.servers.items()}
        time.sleep(LENGTH_S)
        for name, server in lab.servers.items():
            at, used = begun[name]
            share = (used_s(server) - used) / (time.monotonic() - at)
            resident = resident_mb(server)
            found[name] = {"core_percent": round(100 * share, 2), "resident_mb": round(resident, 1)}
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(found, indent=1))
    print(f"\nthe sidecar at rest, over {LENGTH_S} s")
    for name, one in found.items():
        print(f"  {name}: {one['core_percent']:.2f} % of a core, {one['resident_mb']:.1f} MB")
    assert all(one["core_percent"] > 0 and one["resident_mb"] > 5 for one in found.values())
