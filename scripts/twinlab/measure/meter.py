"""Bytes that a machine is sent, by server and over time, seen in its own network namespace.

Owns the meter's container (inside/meter.py runs in it) and the arithmetic on its lines.
"""

from __future__ import annotations

import json
import subprocess
import threading
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from itertools import pairwise

from twinlab.host.client import INSIDE, Client
from twinlab.host.engine import docker, docker_popen
from twinlab.host.images import CLIENT_IMAGE
from twinlab.host.layout import Layout, labels

FILE_BYTES = 15_000
"""Bytes in a tenth of a second from which on they are a file's, and not the talk about it."""


class Meter:
    """A running meter of one machine. `names` tells the servers by their LAN hardware addresses."""

    def __init__(
        self, layout: Layout, machine: Client, names: Mapping[str, str], interface: str = "eth0"
    ) -> None:
        self.names = dict(names)
        self._times: list[float] = []
        self._bytes: dict[str, int] = {}
        self._lock = threading.Lock()
        self._container = f"{machine.container}-meter"
        self._process: subprocess.Popen[str] = docker_popen(
            "run", "--rm", "--name", self._container, *labels(layout.name),
            "--network", f"container:{machine.container}", "--cap-add", "NET_RAW",
            "-v", f"{INSIDE}:/lab:ro", CLIENT_IMAGE, "python3", "-u", "/lab/meter.py", interface,
        )  # fmt: skip
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if not line.startswith("{"):
                continue
            said = json.loads(line)
            with self._lock:
                if sum(said["bytes"].values()) >= FILE_BYTES:
                    self._times.append(float(said["t"]))
                for mac, count in said["bytes"].items():
                    if mac in self.names:
                        name = self.names[mac]
                        self._bytes[name] = self._bytes.get(name, 0) + int(count)

    def bytes(self) -> dict[str, int]:
        """Payload bytes so far, by server."""
        with self._lock:
            return dict(self._bytes)

    @property
    def total(self) -> int:
        return sum(self.bytes().values())

    def resumed_after(self, at: float) -> float | None:
        """Time of the first data after `at`, or None so far."""
        with self._lock:
            place = bisect_right(self._times, at)
            return self._times[place] if place < len(self._times) else None

    def stall_around(self, at: float) -> float | None:
        """Longest time without file bytes that began at `at`, seconds; None while none came since."""
        with self._lock:
            return stall_around(self._times, at)

    def gap_around(self, at: float) -> tuple[float, float] | None:
        """When that stall began and ended: the last file bytes before it and the first ones after."""
        with self._lock:
            return gap_around(self._times, at)

    def stop(self) -> None:
        docker("rm", "-f", self._container, check=False)
        self._process.wait(timeout=20)
        self._thread.join(5)


QUEUED_S = 0.5
"""What was on its way at a fault still arrives: a stall may begin so much later."""


def stall_around(times: Iterable[float], at: float) -> float | None:
    """The length of gap_around()."""
    gap = gap_around(times, at)
    return gap[1] - gap[0] if gap is not None else None


def gap_around(times: Iterable[float], at: float) -> tuple[float, float] | None:
    """The longest gap in ascending `times` that begins at `at`, give or take QUEUED_S; None when it lasts."""
    known = list(times)
    starts = [t for t in known if t <= at + QUEUED_S]
    begin = bisect_right(starts, at - QUEUED_S)
    if not starts or len(starts) == len(known):
        return None
    near = starts[begin:] or starts[-1:]
    return max(pairwise([*near, known[len(starts)]]), key=lambda pair: pair[1] - pair[0])
