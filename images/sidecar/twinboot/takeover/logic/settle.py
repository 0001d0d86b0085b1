"""When a client's position is final, and when its RST is believed. Pure; the time is handed in.

Segments that the old holder sent last may still be in transit, for example in a switch's queue, and the
client's acknowledgements of them look like answers to our TCP probes. If a position is used too early, the
client later acknowledges bytes that we have not sent, and the kernel drops such segments (RFC 9293 section
3.10.7.4): the connection stalls for good.

A RST may come from a NAT box or a firewall between, which takes a probe for invalid and has no such
connection of its own. So one RST says nothing: a second must answer a probe of the other way (probe.py), some
time later, and no acknowledgement may come. An acknowledgement voids all RSTs before it. When all is over,
two RSTs of the same way are enough: a NAT box drops a RST that answers old numbers, and a client that is
there has answered the other way.
"""

from __future__ import annotations

from dataclasses import replace

from .plan import ClientPosition
from .probe import ProbeWay
from .record import ConnectionKey
from .tcp import seq as sequence

SETTLED_AFTER_S = 0.05
"""A queue is taken to be empty when no position has advanced for this long."""
UNCONFIRMED_S = 0.3
"""Wait for a position that was seen once only: it may have been sent before the probe arrived."""
SETTLE_LIMIT_S = 1.0
"""After this time progress of other connections no longer delays a position, since clients wait."""
RESETS_APART_S = 0.03
"""Time between a RST and the one that confirms it."""


class PositionSettler:
    """settle_s: how long positions must stand still; 0: every position is final at once.

    All connections share the queue: while one advances, the queue is not empty, and no position is final.
    Our probes are queued behind all that the old holder sent. So a client that reports the same position
    twice has answered a probe, and nothing of the old holder is still to come.
    """

    def __init__(self, settle_s: float, now: float) -> None:
        self._settle_s, self._started_at = settle_s, now
        self._last_progress_at = float("-inf")
        self._latest: dict[ConnectionKey, tuple[ClientPosition, float]] = {}
        self._confirmed: set[ConnectionKey] = set()
        self._resets: dict[ConnectionKey, dict[ProbeWay | None, float]] = {}
        """Client -> when it first sent RST, by the way of the probe that this answered (None: of none)."""
        self._last_reset_at: dict[ConnectionKey, float] = {}

    def observe_reset(self, key: ConnectionKey, way: ProbeWay | None, now: float) -> None:
        """A RST has come. way: see _resets."""
        self._resets.setdefault(key, {}).setdefault(way, now)
        self._last_reset_at[key] = now

    def is_gone(self, key: ConnectionKey) -> bool:
        """Whether the client's RSTs prove that it has no such connection: both ways."""
        times = self._resets.get(key, {}).values()
        return max(times, default=0.0) - min(times, default=0.0) >= RESETS_APART_S

    def was_reset_repeatedly(self, key: ConnectionKey) -> bool:
        """The same of whatever way, for one that did not answer the other to the end."""
        first_at = min(self._resets.get(key, {}).values(), default=float("inf"))
        return self._last_reset_at.get(key, 0.0) - first_at >= RESETS_APART_S

    def observe(self, key: ConnectionKey, client: ClientPosition, now: float) -> None:
        """The client has acknowledged something: `client` is no RST."""
        self._resets.pop(key, None)
        before = self._latest.get(key)
        # A block below the acknowledgement is not beyond a hole but reports a duplicate (RFC 2883).
        blocks = tuple(block for block in client.sack_blocks if sequence.distance(client.ack, block[1]) > 0)
        # It may have displaced another, so as many stay as there were: a full option may hide some.
        blocks += blocks[-1:] * (len(client.sack_blocks) - len(blocks))
        client = replace(client, sack_blocks=blocks)
        if before is not None and _position_of(before[0]) == _position_of(client):
            self._latest[key] = client, before[1]
            self._confirmed.add(key)
            return
        if before is not None:
            self._last_progress_at = now
        self._confirmed.discard(key)
        self._latest[key] = client, now

    def latest(self, key: ConnectionKey) -> ClientPosition | None:
        """The client's position a moment ago."""
        found = self._latest.get(key)
        return found[0] if found is not None else None

    def settled(self, now: float) -> list[tuple[ConnectionKey, ClientPosition]]:
        """The connections whose position is final now; each is returned once."""
        if now < min(self._last_progress_at + self._settle_s, self._started_at + SETTLE_LIMIT_S):
            return []
        found = [(key, answer) for key, (answer, since) in self._latest.items()
                 if now >= since + self._wait_s(key)]
        for key, _answer in found:
            del self._latest[key]
        return found

    def _wait_s(self, key: ConnectionKey) -> float:
        return self._settle_s if key in self._confirmed or not self._settle_s else UNCONFIRMED_S


def _position_of(client: ClientPosition) -> tuple[object, ...]:
    return client.ack, client.seq, client.sack_blocks
