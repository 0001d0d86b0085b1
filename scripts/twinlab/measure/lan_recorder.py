"""A recorder on the LAN: who holds each address, what a client gets, how many DHCP servers answer.

Puts together three instruments, each a client of its own: the ARP prober, the HTTP client
(inside/http_client.py: one small request after the other) and the DHCP counter (inside/discover.py). Owns the
arithmetic on their lines for a span of time; what a fault should lead to is matrix.py's.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise

from twinlab.host import client, wait
from twinlab.host.client import Client
from twinlab.host.layout import Layout
from twinlab.measure import prober

PATH = "/trees/rh9/.treeinfo"
ARP_EVERY_S, VISIT_EVERY_S, DISCOVER_EVERY_S = 0.01, 0.02, 0.25
OFFERS_WITHIN_S = 0.8
SLACK_S = 3.0  # lines are asked for from so long before the span, as the engine stamps them later


@dataclass(frozen=True)
class Report:
    """What was seen of one span of time. Seconds and hardware addresses; by address where it says so."""

    start: float
    end: float
    holders: Mapping[str, tuple[tuple[float, str], ...]]  # each change of who answers
    doubles: Mapping[str, tuple[float, ...]]  # rounds that two machines answered
    silence: Mapping[str, float]  # longest time without an ARP answer
    gap: Mapping[str, float]  # longest time in which no request of a client was answered
    offers: tuple[tuple[float, tuple[str, ...]], ...]  # each DISCOVER: which machines offered

    def last(self, address: str) -> str:
        """Who answered last, or nothing."""
        seen = self.holders[address]
        return seen[-1][1] if seen else ""

    @property
    def offer_gap(self) -> float:
        """The longest time in which no DISCOVER was answered."""
        return longest((at for at, macs in self.offers if macs), self.start, self.end)

    @property
    def doubled_offers(self) -> tuple[float, ...]:
        """DISCOVERs that more than one machine answered."""
        return tuple(at for at, macs in self.offers if len(macs) > 1)


def longest(times: Iterable[float], start: float, end: float) -> float:
    """The longest time within the span that has none of `times`; the span's own ends count as one each."""
    known = [start, *sorted(t for t in times if start < t < end), end]
    return max(b - a for a, b in pairwise(known))


def visits(lines: Iterable[str]) -> dict[str, list[float]]:
    """When each address served the HTTP client."""
    found: dict[str, list[float]] = {}
    for line in lines:
        match line.split():
            case [at, "got", address, _]:
                found.setdefault(address, []).append(float(at))
    return found


def offers(lines: Iterable[str], start: float, end: float) -> tuple[tuple[float, tuple[str, ...]], ...]:
    """For each DISCOVER of the span the machines that offered."""
    rounds = [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]
    return tuple(
        (one["time"], tuple(sorted({offer["mac"] for offer in one["offers"]})))
        for one in rounds if start <= one["time"] <= end
    )  # fmt: skip


class LanRecorder:
    """Three running instruments."""

    def __init__(self, addresses: Sequence[str], arp: Client, http_client: Client, dhcp: Client) -> None:
        self.addresses = tuple(addresses)
        self.arp, self.http_client, self.dhcp = arp, http_client, dhcp

    @property
    def containers(self) -> list[str]:
        return [one.container for one in (self.arp, self.http_client, self.dhcp)]

    @classmethod
    @contextmanager
    def watch(cls, layout: Layout, addresses: Sequence[str], mac: str) -> Iterator[LanRecorder]:
        """Watch during the block. `mac`: of a host of the site, whose DISCOVERs are answered at once."""
        probe = ("/lab/prober.py", "--every", str(ARP_EVERY_S), *addresses)
        visit = ("/lab/http_client.py", "--every", str(VISIT_EVERY_S), PATH, *addresses)
        ask = ("/lab/discover.py", "--count", "0", "--every", str(DISCOVER_EVERY_S))
        with (
            client.machine(layout, *probe, extra=prober.PRIORITY_OPTIONS) as arp,
            client.machine(layout, *visit, extra=prober.PRIORITY_OPTIONS) as http_client,
            client.machine(layout, *ask, "--wait", str(OFFERS_WITHIN_S), "--mac", mac) as dhcp,
        ):
            recorder = cls(addresses, arp, http_client, dhcp)
            running = [(arp, " ask "), (http_client, " got "), (dhcp, "{")]
            wait.until(
                lambda: all(word in one.logs() for one, word in running), "the recorder's first lines",
                timeout_s=30, every_s=0.1,
            )  # fmt: skip
            yield recorder

    def report(self, start: float, end: float | None = None) -> Report:
        """What was seen from `start` (epoch) until `end` or now."""
        end = time.time() if end is None else end
        since = start - SLACK_S
        seen = prober.parse(self.arp.logs(since).splitlines(), self.addresses)
        within = {
            address: prober.ProbeRecord(tuple(a for a in one.replies if start <= a.time <= end), ())
            for address, one in seen.items()
        }
        served = visits(self.http_client.logs(since).splitlines())
        return Report(
            start, end,
            holders={a: tuple(one.holders()) for a, one in within.items()},
            doubles={a: tuple(at for at, _ in one.doubles()) for a, one in within.items()},
            silence={a: longest((x.time for x in one.replies), start, end) for a, one in within.items()},
            gap={a: longest(served.get(a, ()), start, end) for a in self.addresses},
            offers=offers(self.dhcp.logs(since).splitlines(), start, end),
        )  # fmt: skip

    def holders(self, within_s: float = 0.5) -> dict[str, set[str]]:
        """Who answered for each address of late."""
        now = time.time()
        seen = prober.parse(self.arp.logs(now - within_s - SLACK_S).splitlines(), self.addresses)
        return {a: {x.mac for x in one.replies if x.time >= now - within_s} for a, one in seen.items()}
