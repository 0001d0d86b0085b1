"""A storm of whole installs: hundreds of machines, servers with links of a known width, and a power-off.

Owns the tree that the machines fetch, the site's range of addresses, the widths of the servers' links, the
course of it and the arithmetic. The machines themselves are inside/installs.py, all in one container.
"""

from __future__ import annotations

import hashlib
import json
import random
import subprocess
import threading
import time
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from twinlab.faults import faults
from twinlab.host.client import Client
from twinlab.host.engine import LabError
from twinlab.host.labsite import ROOT
from twinlab.host.server import Server
from twinlab.host.wait import until
from twinlab.lab import Lab
from twinlab.measure.matrix import HOME, ON_2

PACKAGES, PACKAGE_KB, BOOT_KB = 6, 512, 192
FIRST_HOST = 21
"""Last part of the first machine's address."""
PAYLOAD_SHARE = 1448 / 1514
"""The file's share of a full frame on the wire: the rest is Ethernet, IP and TCP with time stamps."""
RATE = 40.0
"""So many machines are switched on each second."""
LIMIT_S, END_S = 150.0, 180.0
"""A machine that has not ended after the one hangs. The other begins when the server is back."""
OWN_ADDRESS = 2


def trees() -> Path:
    """The folder to publish, made once."""
    folder = ROOT / "build/lab/storm-trees"
    tree = folder / "rh9"
    if not (tree / "packages/SUMS").exists():
        draw, sums = random.Random(200), []
        for name in ("images/pxeboot", "packages"):
            (tree / name).mkdir(parents=True, exist_ok=True)
        (tree / ".treeinfo").write_text("[general]\nname = a small tree for many machines\n")
        for name in ("vmlinuz", "initrd.img"):
            (tree / "images/pxeboot" / name).write_bytes(draw.randbytes(BOOT_KB << 10))
        for number in range(PACKAGES):
            data = draw.randbytes(PACKAGE_KB << 10)
            (tree / f"packages/p{number}.rpm").write_bytes(data)
            sums.append(f"{hashlib.sha256(data).hexdigest()} p{number}.rpm")
        (tree / "packages/SUMS").write_text("\n".join(sums) + "\n")
    return folder


def one_install() -> int:
    """Bytes of the tree that one machine gets, all of them."""
    return sum(path.stat().st_size for path in (trees() / "rh9").rglob("*") if path.is_file())


def patch(machines: int) -> dict[str, Any]:
    """The site's: an address for each, as many odd ones as even ones."""
    return {
        "subnets": [{
            "network": "192.168.0.0/24", "router": "192.168.0.1", "profile": "rh9", "lease_s": 1800,
            "range": {"first": f"192.168.0.{FIRST_HOST}", "last": f"192.168.0.{FIRST_HOST + machines - 1}"},
            "unknown": "install",
        }],
        "hosts": {"cli128": {"address": "192.168.0.4"}, "cli129": {"address": "192.168.0.3"}},
        "profiles": {"rh9": {"method": "http"}},
        "takeover": "on",
    }


def narrow(server: Server, mbit: int) -> None:
    """The server's link carries so much from now until its power goes."""
    server.exec("tc", "qdisc", "replace", "dev", "eth0", "root", "tbf", "rate", f"{mbit}mbit",
                "burst", "32k", "latency", "50ms")


@dataclass
class Storm:
    """The running machines: how many bytes they had when, and how each one ended."""

    process: subprocess.Popen[str]
    client: Client
    addresses: set[str] = field(default_factory=set)
    """That the machines may get."""
    progress: list[tuple[float, int, dict[str, int]]] = field(default_factory=list)
    """When, how many bytes, and by the addresses they came from."""
    ends: list[dict[str, Any]] = field(default_factory=list)
    other_output: list[str] = field(default_factory=list)

    @classmethod
    @contextmanager
    def of(
        cls, lab: Lab, machines: int, *, more: Sequence[str] = (), limit_s: float = LIMIT_S
    ) -> Iterator[Storm]:
        """Machines that are switched on now, one after the other. more: options of installs.py."""
        address = str(lab.layout.lan.network_address + OWN_ADDRESS)
        with lab.machine(ip=address, extra=["--ulimit", "nofile=8192"]) as client:
            wire = " or ".join(f"src {one}" for one in lab.addresses.values())
            client.capture(f"({wire}) and tcp[13] & 4 != 0", "/resets")
            words = ("--clients", str(machines), "--rate", str(RATE), "--limit", str(limit_s), *more)
            first = int(lab.layout.lan.network_address) + FIRST_HOST
            addresses = {str(IPv4Address(first + number)) for number in range(machines)}
            storm = cls(client.start("/lab/installs.py", *words), client, addresses)
            reader = threading.Thread(target=storm._read, daemon=True)
            reader.start()
            try:
                yield storm
            finally:
                storm.process.kill()
                reader.join(5)

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if not line.startswith("{"):
                self.other_output.append(line.rstrip())
                continue
            said = json.loads(line)
            if "t" in said:
                self.progress.append((said["t"], said["bytes"], said["from"]))
            else:
                self.ends.append(said)

    def alive(self) -> None:
        """Raises when the storm is over: more will not come."""
        if self.process.poll() is not None:
            errors = sorted({end["error"] for end in self.ends})
            raise LabError("the storm has ended: " + "; ".join([*errors[:5], *self.other_output[-5:]]))

    def wait_bytes(self, count: float, timeout_s: float = 300) -> None:
        until(lambda: bool(self.progress) and self.progress[-1][1] >= count, f"{count:.0f} bytes",
              timeout_s=timeout_s, alive=self.alive)

    def wait_end(self, timeout_s: float = 600) -> None:
        self.process.wait(timeout=timeout_s)

    def rate(self, begin: float, end: float) -> float:
        """Bytes a second that all of them got in this time."""
        return (self.at(end) - self.at(begin)) / (end - begin)

    def at(self, when: float) -> float:
        """Bytes that all of them had then."""
        place = bisect_right([t for t, _, _ in self.progress], when)
        if place == 0 or place == len(self.progress):
            return float(self.progress[min(place, len(self.progress) - 1)][1])
        (t0, b0, _), (t1, b1, _) = self.progress[place - 1:place + 1]
        return b0 + (b1 - b0) * (when - t0) / (t1 - t0)

    def shares(self) -> dict[str, float]:
        """Each address's share of the bytes that came so far."""
        served = self.progress[-1][2] if self.progress else {}
        total = sum(served.values())
        return {address: count / total for address, count in sorted(served.items())}

    def resets(self) -> list[str]:
        """Segments with RST that came from the virtual addresses."""
        return self.client.captured("/resets").splitlines()


def run_with_power_off(lab: Lab, storm: Storm, machines: int, mbit: int) -> dict[str, Any]:
    """Power-off at a third of the bytes, on again at the half, until all have ended; figures."""
    total = one_install() * machines
    begun, before = time.time(), lab.wire_bytes()
    storm.wait_bytes(0.1 * total)
    busy = time.time()
    storm.wait_bytes(0.35 * total)
    share, astray = storm.shares(), strays(before, lab.wire_bytes(), storm.addresses)
    down = faults.inject(lab, "power-off", lab.server(1))
    lab.wait_owned(ON_2)
    claimed = time.time()
    storm.wait_bytes(0.55 * total)
    one_until = time.time()
    lab.heal()
    narrow(lab.server(1), mbit)
    lab.wait_owned(HOME)
    up = time.time()
    with suppress(subprocess.TimeoutExpired):
        storm.wait_end(END_S)
    time.sleep(1.0)  # its last lines
    took = max(one["ended"] for one in storm.ends) - begun
    got = sum(one["bytes"] for one in storm.ends)
    two, one = storm.rate(busy, down), storm.rate(claimed, one_until)
    return {
        "machines": machines, "mbit": mbit, "bytes": got, "took_s": took, "outage_s": up - down,
        "ideal_s": ideal_s(got, mbit * 125_000 * PAYLOAD_SHARE, begun, [(down, up)]),
        "shares": share, "astray": astray,
        "two_mbit": two / 125_000, "one_mbit": one / 125_000, "ratio": two / one,
        "unfinished": machines - len(storm.ends),
        "failed": [end for end in storm.ends if end["error"]], "resets": storm.resets(),
        "again": sum(end["again"] for end in storm.ends),
    }


def ideal_s(total: float, rate: float, begun: float, outages: Sequence[tuple[float, float]]) -> float:
    """How long `total` bytes take from two links of `rate` bytes a second; one of them lacks in `outages`."""
    at, left = begun, total
    for down, up in outages:
        if left <= 2 * rate * (down - at):
            break
        left -= 2 * rate * (down - at)
        if left <= rate * (up - down):
            return down + left / rate - begun
        left -= rate * (up - down)
        at = up
    return at + left / (2 * rate) - begun


def strays(before: Mapping[str, Mapping[str, int]], after: Mapping[str, Mapping[str, int]],
           clients: set[str]) -> int:
    """Bytes that a server sent to another one's clients between two looks at `Lab.wire_bytes`.

    By parity: odd addresses are server1's, even ones server2's. DHCP's answers are among them.
    """
    return sum(
        count - before.get(server, {}).get(client, 0)
        for server, to in after.items() for client, count in to.items()
        if client in clients and server != ("server1" if int(client.rsplit(".", 1)[1]) % 2 else "server2")
    )
