"""When a client's answer is believed after an orderly move. Pure; the time is handed in.

What the old holder sent last may still be on its way, in a switch's queue say, and the client's
acknowledgments of it look like answers. Who is believed too early acknowledges later what we have not sent,
and the kernel drops that (RFC 9293 section 3.10.7.4): the connection stands still for ever.
"""

from __future__ import annotations

from .plan import Answer
from .record import Key

CALM_S = 0.05
"""A queue that nothing has come out of for so long is empty."""
LIMIT_S = 1.0
"""Then all are believed: clients wait."""


class Calm:
    """calm_s: 0 believes everybody at once. The connections share the queue: one that gets on shows that
    it has not run empty, so nobody is believed until all stand still."""

    def __init__(self, calm_s: float, now: float) -> None:
        self._calm_s, self._begun = calm_s, now
        self._moved_at = float("-inf")
        self._latest: dict[Key, tuple[Answer, float]] = {}

    def heard(self, key: Key, answer: Answer, now: float) -> None:
        before = self._latest.get(key)
        if before is not None and (before[0].ack, before[0].seq) == (answer.ack, answer.seq):
            self._latest[key] = answer, before[1]
            return
        if before is not None:
            self._moved_at = now
        self._latest[key] = answer, now

    def believed(self, now: float) -> list[tuple[Key, Answer]]:
        """Those that may be gone on with now; each is handed out once."""
        if now < min(self._moved_at + self._calm_s, self._begun + LIMIT_S):
            return []
        found = [(key, answer) for key, (answer, since) in self._latest.items()
                 if answer.gone or now >= since + self._calm_s]
        for key, _answer in found:
            del self._latest[key]
        return found
