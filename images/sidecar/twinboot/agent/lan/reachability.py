"""Does the LAN hear us, and we it? Judges by what other hosts send; pure, the time is handed in.

A host on the LAN is asked by ARP all the time, the one that answered last. Its answer shows both
directions. When none comes, several are asked, and everything that others send is listened to:
  * nothing at all for a deadtime: the LAN is cut off from us, or we from it;
  * others speak, but even those of them that used to answer us do not: nobody hears us;
  * others speak, and none of them ever answered: nothing is wrong as far as we can tell.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network

_MAX_LEARNED = 8
_ASKED_AT_ONCE = 4
_REPEATS = 3
"""A LAN that loses many frames is not rx-dead: a question is asked more than once when no answer comes."""
_TX_DEAD_DEADTIMES = 3
"""Deadtimes without an answer, with those who used to answer still heard, until nobody hears us."""
_BACKOFF_DEADTIMES = 6
"""After so many deadtimes without an answer it is asked less often."""


class LanReachability:
    """first: whom to ask to begin with (peers, router, hosts); those that speak are added."""

    def __init__(self, *, own: IPv4Address, network: IPv4Network, initial: Sequence[IPv4Address],
                 excluded: frozenset[IPv4Address], deadtime_s: float, now: float) -> None:
        self._network, self._deadtime_s = network, deadtime_s
        self._excluded = excluded | {own}
        self._initial = tuple(a for a in initial if a in network and a not in self._excluded)
        self._learned: list[IPv4Address] = []
        self._macs: dict[IPv4Address, bytes] = {}
        """Who has answered, and from where."""
        self._preferred: IPv4Address | None = None
        self._next_index = 0
        self._asked_at = float("-inf")
        self.reset(now)

    def reset(self, now: float) -> None:
        """The carrier has come, or we slept: what was heard before says nothing."""
        self._answered_at = self._heard_at = self._responder_heard_at = now

    def answered(self, address: IPv4Address, mac: bytes, now: float) -> None:
        """A host answered our question."""
        self._answered_at = self._heard_at = now
        if address in self._initial or address in self._learned:
            self._macs[address] = mac
            self._preferred = address

    def overheard(self, address: IPv4Address | None, now: float) -> None:
        """Another host sent something to whomever."""
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
        """A question has not been answered; then listen to everybody."""
        return now - self._answered_at > 0.6 * self._deadtime_s

    def requests_due(self, now: float) -> list[tuple[IPv4Address, bytes | None]]:
        """Whom to ask now, and where it was; call it several times in a deadtime."""
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
            # By broadcast: the one that had this address may have another interface now.
            known = (*self._initial, *self._learned)
            count = min(_ASKED_AT_ONCE, len(known))
            asked = [(known[(self._next_index + at) % len(known)], None) for at in range(count)]
            asked *= _REPEATS if frequent and self.unanswered(now) else 1
            self._next_index = (self._next_index + count) % max(1, len(known))
        self._asked_at = now
        return asked

    def reachable(self, now: float) -> bool:
        """Is the LAN there for us?"""
        if now - self._answered_at <= self._deadtime_s:
            return True
        if now - self._heard_at > self._deadtime_s:
            return False
        tx_dead_for_s = self._responder_heard_at - self._answered_at
        return (
            tx_dead_for_s <= _TX_DEAD_DEADTIMES * self._deadtime_s
            or now - self._responder_heard_at > self._deadtime_s
        )
