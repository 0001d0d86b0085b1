"""Who holds an address, asked of the LAN fifty times a second; and what that shows afterwards.

Owns the prober's container (inside/prober.py runs in it) and the arithmetic on its lines: seconds
without an answer, holders over time, two holders at once.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise

from twinlab.faults.neighbours import FOREIGN_MAC
from twinlab.host import client, wait
from twinlab.host.client import Client
from twinlab.host.layout import Layout

EVERY_S = 0.02
PRIORITY_OPTIONS = ("--cap-add", "SYS_NICE", "--cpu-shares", "8192")
"""A busy machine must not delay the prober: its own waits would look like gaps."""


@dataclass(frozen=True)
class Gap:
    """A time without answers, from the last answer before to the first after."""

    start: float
    end: float

    @property
    def seconds(self) -> float:
        return self.end - self.start


@dataclass(frozen=True)
class ArpReply:
    """One ARP answer: who said at what time that it holds the address, to which round of probes."""

    time: float
    mac: str
    probe_round: int


@dataclass(frozen=True)
class ProbeRecord:
    """All that the prober saw of one address."""

    replies: tuple[ArpReply, ...]
    announcements: tuple[tuple[float, str], ...]

    def holders(self) -> list[tuple[float, str]]:
        """Each change of the answering hardware address, with its time."""
        changes: list[tuple[float, str]] = []
        for answer in self.replies:
            if not changes or changes[-1][1] != answer.mac:
                changes.append((answer.time, answer.mac))
        return changes

    def doubles(self) -> list[tuple[float, tuple[str, ...]]]:
        """Rounds that more than one machine answered."""
        rounds: dict[int, dict[str, float]] = {}
        for answer in self.replies:
            rounds.setdefault(answer.probe_round, {})[answer.mac] = answer.time
        return [(max(by.values()), tuple(sorted(by))) for by in rounds.values() if len(by) > 1]

    def gaps(self, longer_than_s: float = 0.1) -> list[Gap]:
        """Times without an ARP answer."""
        return gaps((a.time for a in self.replies), longer_than_s)


def gaps(times: Iterable[float], longer_than_s: float) -> list[Gap]:
    """Pairs of neighbours in `times` that lie further apart than this."""
    known = list(times)
    return [Gap(a, b) for a, b in pairwise(known) if b - a > longer_than_s]


def parse(lines: Iterable[str], addresses: Sequence[str]) -> dict[str, ProbeRecord]:
    """What the prober's lines say of each address; what the fault `foreign-host` answers is left out."""
    answers: dict[str, list[ArpReply]] = {a: [] for a in addresses}
    said: dict[str, list[tuple[float, str]]] = {a: [] for a in addresses}
    for line in lines:
        match line.split():
            case [at, "arp", address, mac, number] if address in answers and mac != FOREIGN_MAC:
                answers[address].append(ArpReply(float(at), mac, int(number)))
            case [at, "gratuitous", address, mac] if address in said:
                said[address].append((float(at), mac))
    return {a: ProbeRecord(tuple(answers[a]), tuple(said[a])) for a in addresses}


class Prober:
    """A running prober."""

    def __init__(self, container: Client, addresses: Sequence[str]) -> None:
        self.container = container
        self.addresses = tuple(addresses)

    @classmethod
    @contextmanager
    def watch(cls, layout: Layout, addresses: Sequence[str], every_s: float = EVERY_S) -> Iterator[Prober]:
        command = ("/lab/prober.py", "--every", str(every_s), *addresses)
        with client.machine(layout, *command, extra=PRIORITY_OPTIONS) as container:
            prober = cls(container, addresses)
            first = "the prober's first probe"
            wait.until(lambda: " ask " in container.logs(), first, timeout_s=20, every_s=0.1)
            yield prober

    def seen(self) -> dict[str, ProbeRecord]:
        """Everything until now, by address."""
        return parse(self.container.logs().splitlines(), self.addresses)

    def wait_holder(self, address: str, mac: str, *, timeout_s: float) -> float:
        """Wait until this hardware address answers for the address; the time since when it does."""

        def look() -> float | None:
            changes = self.seen()[address].holders()
            return changes[-1][0] if changes and changes[-1][1] == mac else None

        return wait.until(look, f"{mac} to answer for {address}", timeout_s=timeout_s)

    def settle(self, seconds: float = 0.5) -> None:
        """Let some more rounds go by."""
        time.sleep(seconds)
