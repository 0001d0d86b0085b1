"""What the takeover process costs while both servers deliver as fast as they can, and how soon peers know of
a change.

Two loads: one big file again and again, and many small ones on one connection, as package managers fetch
them. By HTTP and FTP at the same time.
"""

from __future__ import annotations

import json
import random
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from twinlab.host import testlab
from twinlab.host.client import Client
from twinlab.host.server import SIDECAR_CONTAINER, Server
from twinlab.lab import Lab

NAME = testlab.name("bench-takeover")
LENGTH_S = 15
RESULTS = Path(__file__).parents[2] / "build/bench/takeover.json"
BIG, SMALL, MANY = 200 << 20, 100 << 10, 100
LOADS = {
    "big files": "curl -s -o /dev/null {scheme}://{vip}/trees/rh9/big.bin",
    "files of 100 kB": "curl -s -o /dev/null '{scheme}://{vip}/trees/rh9/small/[1-100].rpm'",
}
COUNT = """
begin=$(cat /sys/class/net/eth0/statistics/rx_bytes); until [ -e /tmp/end ]; do {command}; done
echo $(( $(cat /sys/class/net/eth0/statistics/rx_bytes) - begin )) > /tmp/bytes
"""
CPU_S = r"""
id=$(docker inspect -f {{.Id}} NAME)
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
    awk '/^usage_usec/ { print $2 / 1e6 }' /sys/fs/cgroup/docker/$id/cpu.stat
else
    awk '{ print $1 / 1e9 }' /sys/fs/cgroup/cpuacct/docker/$id/cpuacct.usage
fi
"""


def tree(folder: Path) -> Path:
    draw = random.Random(2008)
    (folder / "rh9/small").mkdir(parents=True)
    (folder / "rh9/images/pxeboot").mkdir(parents=True)
    for name in ("vmlinuz", "initrd.img"):
        (folder / "rh9/images/pxeboot" / name).write_bytes(draw.randbytes(1 << 20))
    (folder / "rh9/.treeinfo").write_text("[general]\nname = bench\n")
    (folder / "rh9/big.bin").write_bytes(draw.randbytes(1 << 20) * (BIG >> 20))
    for number in range(1, MANY + 1):
        (folder / f"rh9/small/{number}.rpm").write_bytes(draw.randbytes(SMALL))
    return folder


def used_s(server: Server, container: str) -> float:
    return float(server.exec("sh", "-c", CPU_S.replace("NAME", container)).out)


def look(server: Server) -> dict[str, Any]:
    status = server.status()
    assert status is not None
    return {
        "at": time.monotonic(), "segments": status["connections"]["segments"],
        "lost": status["connections"]["frames_lost"], "taken_ms": status["connections"]["taken_ms"],
        "takeover_s": used_s(server, "twinboot-takeover-1"), "sidecar_s": used_s(server, SIDECAR_CONTAINER),
    }


def measured(lab: Lab, command: str) -> dict[str, Any]:
    """Two clients on each address, one by HTTP and one by FTP."""
    with ExitStack() as stack:
        clients: list[Client] = []
        for vip in lab.addresses.values():
            for scheme in ("http", "ftp"):
                client = stack.enter_context(lab.machine())
                client.start("sh", "-c", COUNT.format(command=command.format(scheme=scheme, vip=vip)))
                clients.append(client)
        time.sleep(2)
        before = {name: look(server) for name, server in lab.servers.items()}
        begun = time.monotonic()
        time.sleep(LENGTH_S)
        after = {name: look(server) for name, server in lab.servers.items()}
        for client in clients:
            client.sh("touch /tmp/end")
        length_s = time.monotonic() - begun + 2
        total = sum(int(client.sh("until [ -s /tmp/bytes ]; do sleep 0.1; done; cat /tmp/bytes").out)
                    for client in clients)
    found: dict[str, Any] = {"mb_s": round(total / length_s / 1e6)}
    for name, one in after.items():
        old, span = before[name], one["at"] - before[name]["at"]
        found[name] = {
            "segments_s": round((one["segments"] - old["segments"]) / span),
            "lost": one["lost"] - old["lost"], "taken_ms": one["taken_ms"],
            "takeover_core_percent": round(100 * (one["takeover_s"] - old["takeover_s"]) / span, 1),
            "sidecar_core_percent": round(100 * (one["sidecar_s"] - old["sidecar_s"]) / span, 1),
        }
    return found


def test_takeover(tmp_path: Path) -> None:
    with Lab(NAME, print) as lab:
        lab.down()
        lab.up(trees=tree(tmp_path / "trees"))
        found = {load: measured(lab, command) for load, command in LOADS.items()}
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(found, indent=1))
    for load, one in found.items():
        print(f"\n{load}: {one.pop('mb_s')} MB/s in all")
        for name, figures in one.items():
            print(f"  {name}: " + ", ".join(f"{key} {value}" for key, value in figures.items()))
            assert figures["segments_s"] > 0
