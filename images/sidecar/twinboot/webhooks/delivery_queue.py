"""One server's part: what it keeps, what it tells its peers, what it sends now.

An event is marked as delivered after the receiver has said so, never before: a server that dies in between
leaves it to the next one, which sends it again with the same id.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from . import outbox as boxes
from .answer import Answer, DeliveryOutcome
from .event import Event
from .hook import Hook
from .outbox import Outbox, Rows
from .sending import Sending, sender


class DeliveryQueue:
    """server: this one's name. order: all servers, as the site file has them."""

    def __init__(self, server: str) -> None:
        self.server = server
        self.order: Sequence[str] = (server,)
        self.hooks: Mapping[str, Hook] = {}
        self.outbox = Outbox()
        self.sending: dict[str, Sending] = {}
        self._rows = Rows()
        self._peers_fail: dict[str, frozenset[str]] = {}

    def set_site(self, hooks: Mapping[str, Hook], order: Sequence[str]) -> None:
        """Takes the webhooks of the site that is in use now. A webhook that stays goes on from where it
        was."""
        self.hooks, self.order = hooks, order
        self.outbox.known = frozenset(hooks)
        self.sending = {name: self.sending.get(name) or Sending() for name in hooks}

    def note(self, event: Event, wall: float) -> None:
        """Takes an event that has happened, as this server sees it."""
        self.outbox.note(event, [name for name, hook in self.hooks.items() if hook.wants(event)], wall)

    def hear(self, event_id: str, row: bytes, wall: float) -> None:
        """What a peer, or the disk, knows of an event. ValueError: nothing that can be read."""
        self.outbox.merge(event_id, boxes.decode(event_id, row), wall)

    def hear_failing(self, peer: str, hooks: Collection[str]) -> None:
        """The webhooks whose receivers that peer does not reach."""
        self._peers_fail[peer] = frozenset(hooks)

    def changes(self) -> list[tuple[str, bytes | None]]:
        """Rows for disk and peers that are others than when this was last asked; None: forgotten."""
        return list(self._rows.take(self.outbox))

    @property
    def rows(self) -> Mapping[str, bytes]:
        """All of them, for the disk, as of the last changes()."""
        return self._rows.rows

    def failing(self, now: float) -> frozenset[str]:
        """For the peers: the webhooks whose receivers this server does not reach."""
        return frozenset(name for name, one in self.sending.items() if one.failing(now))

    def sender_of(self, hook: str, alive: Collection[str], now: float) -> str:
        """Who sends, as this server sees it. alive: live peers."""
        failing = {peer for peer, names in self._peers_fail.items() if hook in names}
        if self.sending[hook].failing(now):
            failing.add(self.server)
        return sender(self.order, {*alive, self.server}, failing)

    def due(self, now: float, alive: Collection[str]) -> Iterator[tuple[Hook, Event]]:
        """What is to be sent now; each is under way until ended()."""
        for name, hook in self.hooks.items():
            one = self.sending[name]
            if not self.outbox.waits(name):
                one.forget(())
            elif self.sender_of(name, alive, now) == self.server:
                event = one.next(self.outbox.waiting(name), now)
                if event is not None:
                    yield hook, event

    def ended(self, hook: str, event_id: str, answer: Answer, *, now: float, draw: float) -> None:
        """An attempt has ended. One of a webhook that the site has no more is still a delivery."""
        if answer.outcome is DeliveryOutcome.DELIVERED:
            self.outbox.delivered(event_id, hook)
        one = self.sending.get(hook)
        if one is not None and one.under_way == event_id:
            one.ended(answer, now, draw)
