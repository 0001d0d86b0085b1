"""Machines of unequal size, all switched on at once: how each way of balancing shares them.

Owns the site's hosts, one for each machine, and the arithmetic. The machines are inside/installs.py, which
report as installers do; the tree is the storm's.
"""

from __future__ import annotations

import subprocess
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from twinlab.lab import Lab

from .installstorm import FIRST_HOST, PAYLOAD_SHARE, Storm

NAME = "storm"
SIZES = "1,1,1,6"
"""How often a machine fetches each package, by lot: one in four is large."""
END_S = 400.0


def patch(machines: int, mode: str, at_once: int = 0) -> dict[str, Any]:
    """The site's: a host for each machine, as many odd ones as even ones. at_once: of mode load."""
    hosts = {
        f"{NAME}{number + 1}": {
            "mac": (b"\x52\x54\x03" + number.to_bytes(3, "big")).hex(":"),
            "address": f"192.168.0.{FIRST_HOST + number}",
        }
        for number in range(machines)
    }  # fmt: skip
    others = {"cli128": {"address": "192.168.0.4"}, "cli129": {"address": "192.168.0.3"}}
    subnet = {"network": "192.168.0.0/24", "router": "192.168.0.1", "profile": "rh9"}
    return {
        "balancing": {"mode": mode, **({"at_once": at_once} if mode == "load" and at_once else {})},
        "subnets": [subnet], "hosts": {**hosts, **others}, "takeover": "on",
        "profiles": {"rh9": {"method": "http", "prompt": False}},
    }  # fmt: skip


def words(lab: Lab, seed: int, sizes: str = SIZES) -> tuple[str, ...]:
    """Options of installs.py."""
    return ("--known", "--name", NAME, "--sizes", sizes, "--seed", str(seed), "--dns",
            *lab.addresses.values())  # fmt: skip


def measured(storm: Storm, machines: int, mbit: int) -> dict[str, Any]:
    """Waits until all have ended; figures."""
    begun = time.time()
    with suppress(subprocess.TimeoutExpired):
        storm.wait_end(END_S)
    time.sleep(1.0)  # its last lines
    ends = storm.ends
    got = sum(one["bytes"] for one in ends)
    ended, began = [one["ended"] for one in ends], [one["began"] for one in ends]
    took = max(ended, default=begun) - min(began, default=begun)
    ideal = got / (2 * mbit * 125_000 * PAYLOAD_SHARE)
    return {
        "machines": machines, "mbit": mbit, "bytes": got, "took_s": took, "ideal_s": ideal,
        "ratio": took / ideal if ideal else 0.0, "shares": storm.shares(),
        "installs": Counter(one["base"] for one in ends), "at_once": most_at_once(ends),
        "failed": [one for one in ends if one["error"]], "unfinished": machines - len(ends),
    }  # fmt: skip


def most_at_once(ends: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """By address, of how many machines an install ran at the same time."""
    changes: dict[str, list[tuple[float, int]]] = {}
    for one in ends:
        if one["given"] and one["base"]:
            changes.setdefault(one["base"], []).extend(((one["given"], 1), (one["ended"], -1)))
    most = {}
    for base, those in changes.items():
        now = most[base] = 0
        for _, change in sorted(those):
            now += change
            most[base] = max(most[base], now)
    return most
