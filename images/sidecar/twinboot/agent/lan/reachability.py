"""Decides from ARP replies and other hosts' frames whether the LAN reaches us and we reach it.

Pure: the time is handed in. The host that answered last is sent an ARP request again and again; its reply
proves both directions. When it does not reply, several hosts are asked, and all frames are received:
  * no frame for a deadtime: unreachable (rx-dead, or the LAN is cut off from us);
  * frames, some from hosts that used to reply, but no reply: unreachable (tx-dead);
  * frames, but none from a host that ever replied: reachable, for nothing proves a fault.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network

_MAX_LEARNED = 8
_ASKED_AT_ONCE = 4
_REPEATS = 3
"""A lossy LAN is not rx-dead: while no reply comes, each request is sent this many times."""
_TX_DEAD_DEADTIMES = 3
"""Deadtimes without a reply, while hosts that used to reply still send, until we count as tx-dead."""
_BACKOFF_DEADTIMES = 6
"""After this many deadtimes without a reply, requests are sent once a deadtime."""


class LanReachability:
    """initial: hosts to ask from the start (peers, router, hosts); senders of overheard frames are added."""

    def __init__(self, *, own: IPv4Address, network: IPv4Network, initial: Sequence[IPv4Address],
                 excluded: frozenset[IPv4Address], deadtime_s: float, now: float) -> None:
        self._network, self._deadtime_s = network, deadtime_s
        self._excluded = excluded | {own}
        self._initial = tuple(a for a in initial if a in network and a not in self._excluded)
        self._learned: list[IPv4Address] = []
        self._macs: dict[IPv4Address, bytes] = {}
        """Hardware address of each host that has replied."""
        self._preferred: IPv4Address | None = None
        self._next_index = 0
        self._asked_at = float("-inf")
        self.reset(now)

    @property
    def answering(self) -> tuple[IPv4Address, ...]:
        """Hosts that have replied, the last one first."""
        last = (self._preferred,) if self._preferred is not None else ()
        return tuple(dict.fromkeys((*last, *self._macs)))

    def reset(self, now: float) -> None:
        """After a carrier came back or the process was suspended: what was received before is void."""
        self._answered_at = self._heard_at = self._responder_heard_at = now

    def answered(self, address: IPv4Address, mac: bytes, now: float) -> None:
        """A host replied to our request."""
        self._answered_at = self._heard_at = now
        if address in self._initial or address in self._learned:
            self._macs[address] = mac
            self._preferred = address

    def overheard(self, address: IPv4Address | None, now: float) -> None:
        """A frame of another host was received, whoever it was sent to."""
        self._heard_at = now
        if address is None or address in self._excluded or address not in self._network:
            return
        if address in self._macs:
            self._responder_heard_at = now
        elif address not in self._initial and address not in self._learned:
            self._learned.append(address)
            if len(self._learned) > _MAX_LEARNED:
                self._macs.pop(self._learned.pop(0), None)

    def unanswered(self, now: float) -> bool:
        """No reply for 0.6 deadtimes; the caller then receives all hosts' frames."""
        return now - self._answered_at > 0.6 * self._deadtime_s

    def requests_due(self, now: float) -> list[tuple[IPv4Address, bytes | None]]:
        """Hosts to ask now, each with its last known MAC (None: broadcast); call several times a deadtime."""
        asked: list[tuple[IPv4Address, bytes | None]]
        since_s = now - self._asked_at
        frequent = now - self._answered_at <= _BACKOFF_DEADTIMES * self._deadtime_s
        if not frequent and since_s < self._deadtime_s:
            return []
        if self._preferred is not None and not self.unanswered(now):
            if since_s < 0.45 * self._deadtime_s:
                return []
            asked = [(self._preferred, self._macs.get(self._preferred))]
        else:
            # By broadcast: the host may have another interface, and MAC, by now.
            known = (*self._initial, *self._learned)
            count = min(_ASKED_AT_ONCE, len(known))
            asked = [(known[(self._next_index + at) % len(known)], None) for at in range(count)]
            asked *= _REPEATS if frequent and self.unanswered(now) else 1
            self._next_index = (self._next_index + count) % max(1, len(known))
        self._asked_at = now
        return asked

    def reachable(self, now: float) -> bool:
        """Whether the LAN is neither rx-dead nor tx-dead."""
        if now - self._answered_at <= self._deadtime_s:
            return True
        if now - self._heard_at > self._deadtime_s:
            return False
        tx_dead_for_s = self._responder_heard_at - self._answered_at
        return (
            tx_dead_for_s <= _TX_DEAD_DEADTIMES * self._deadtime_s
            or now - self._responder_heard_at > self._deadtime_s
        )
