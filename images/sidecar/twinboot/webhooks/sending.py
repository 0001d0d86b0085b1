"""One webhook's deliveries: whose turn it is to send, what is next, when it is tried again.

One event is under way at a time. A receiver that is not there delays all of them; one that refuses an event
delays that event's subject alone, so that the events of a subject keep their order.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from .answer import Answer, DeliveryOutcome
from .event import Event

FIRST_WAIT_S, MAX_WAIT_S = 1.0, 300.0
FAILING_AFTER_S = 30.0
"""A server that has not reached the receiver for so long leaves it to the next one."""
FAILING_FOR_S = 300.0
"""After so long it tries again itself, when its turn would be."""
MAX_REFUSED = 256
"""Subjects whose events were refused; beyond that the receiver counts as not there."""
NEVER = -1e9


def sender(order: Sequence[str], alive: Collection[str], failing: Collection[str]) -> str:
    """Who sends: the first live server, in the order of the site file, that is not known to fail; when all
    do, the first. Servers that see it otherwise for a moment send twins, which have the same id."""
    candidates = [name for name in order if name in alive]
    able = [name for name in candidates if name not in failing]
    return (able or candidates or [""])[0]


def wait_s(failures: int, draw: float) -> float:
    """Before the next attempt. failures: in a row. draw: 0 to 1, so that many senders do not come at once."""
    whole = min(MAX_WAIT_S, FIRST_WAIT_S * 2.0 ** min(max(failures, 1) - 1, 16))
    return whole * (0.5 + draw / 2)


@dataclass(slots=True)
class _Refused:
    count: int
    due: float


@dataclass(slots=True)
class Sending:
    """last: of the last attempt, in words. under_way: the event's id; empty: none."""

    delivered: int = 0
    failed: int = 0
    last: str = ""
    last_at: float | None = None
    under_way: str = ""
    failures: int = 0
    since: float | None = None
    """When the first of those failures was, refusals among them."""
    due: float = 0.0
    failing_at: float = NEVER
    _subject: str = ""
    _refused: dict[str, _Refused] = field(default_factory=dict)

    def failing(self, now: float) -> bool:
        """The peers are told so: another one is to send."""
        return now < self.failing_at + FAILING_FOR_S

    def troubled(self, now: float) -> bool:
        """Nothing has been taken for so long that somebody should look."""
        return self.since is not None and now >= self.since + FAILING_AFTER_S

    def next(self, waiting: Iterable[Event], now: float) -> Event | None:
        """What to send now. The caller sends it and tells ended()."""
        if self.under_way or now < self.due:
            return None
        seen = set()
        for event in waiting:
            refused = self._refused.get(event.subject)
            if event.subject in seen or (refused is not None and now < refused.due):
                seen.add(event.subject)
                continue
            self.under_way, self._subject = event.id, event.subject
            return event
        return None

    def ended(self, answer: Answer, now: float, draw: float) -> None:
        """The attempt has ended so. draw: 0 to 1."""
        subject, self.under_way, self._subject = self._subject, "", ""
        self.last, self.last_at = answer.said, now
        if answer.outcome is DeliveryOutcome.DELIVERED:
            self.delivered += 1
            self.failures, self.due, self.failing_at = 0, now, NEVER
            self._refused.pop(subject, None)
            if not self._refused:
                self.since = None
            return
        self.failed += 1
        self.since = now if self.since is None else self.since
        if answer.outcome is DeliveryOutcome.REFUSED and (subject in self._refused
                                                  or len(self._refused) < MAX_REFUSED):
            known = self._refused.setdefault(subject, _Refused(0, now))
            known.count += 1
            known.due = now + wait_s(known.count, draw)
            self.failures, self.failing_at = 0, NEVER
            return
        self.failures += 1
        self.due = now + wait_s(self.failures, draw)
        if self.failures > 1 and self.troubled(now):
            self.failing_at = now

    def forget(self, subjects: Collection[str]) -> None:
        """Forgets all subjects but these, which have events that wait."""
        for subject in [one for one in self._refused if one not in subjects]:
            del self._refused[subject]
        if not subjects:
            self.since = None
