"""When a client's answer is believed after an orderly move. Pure; the time is handed in.

What the old holder sent last may still be on its way, in a switch's queue say, and the client's
acknowledgments of it look like answers. Who is believed too early acknowledges later what we have not sent,
and the kernel drops that (RFC 9293 section 3.10.7.4): the connection stands still for ever.
"""

from __future__ import annotations

from dataclasses import replace

from .plan import Answer
from .record import Key
from .tcp import seq as sequence

CALM_S = 0.05
"""A queue that nothing has come out of for so long is empty."""
UNSURE_S = 0.3
"""Of a client that was heard once: it may have said this before our question got through, and be slow."""
LIMIT_S = 1.0
"""Then all are believed: clients wait."""


class Calm:
    """calm_s: 0 believes everybody at once. The connections share the queue: one that gets on shows that
    it has not run empty, so nobody is believed until all stand still.

    Our questions come after all that the old holder sent. So a client that says the same twice has answered
    one of them, and there is nothing more to come.
    """

    def __init__(self, calm_s: float, now: float) -> None:
        self._calm_s, self._begun = calm_s, now
        self._moved_at = float("-inf")
        self._latest: dict[Key, tuple[Answer, float]] = {}
        self._sure: set[Key] = set()

    def heard(self, key: Key, answer: Answer, now: float) -> None:
        before = self._latest.get(key)
        # What lies before the acknowledgment is not beyond a hole but had come twice (RFC 2883).
        answer = replace(answer, sack_blocks=tuple(
            block for block in answer.sack_blocks if sequence.distance(answer.ack, block[1]) > 0))
        if before is not None and _place(before[0]) == _place(answer):
            self._latest[key] = answer, before[1]
            self._sure.add(key)
            return
        if before is not None:
            self._moved_at = now
        self._sure.discard(key)
        self._latest[key] = answer, now

    def acknowledged(self, key: Key) -> int | None:
        """What this client waits for, when it has said so and has no holes (it has no room to show more)."""
        found = self._latest.get(key)
        return found[0].ack if found is not None and not found[0].sack_blocks else None

    def believed(self, now: float) -> list[tuple[Key, Answer]]:
        """Those that may be gone on with now; each is handed out once."""
        if now < min(self._moved_at + self._calm_s, self._begun + LIMIT_S):
            return []
        found = [(key, answer) for key, (answer, since) in self._latest.items()
                 if answer.gone or now >= since + self._patience_s(key)]
        for key, _answer in found:
            del self._latest[key]
        return found

    def _patience_s(self, key: Key) -> float:
        return self._calm_s if key in self._sure or not self._calm_s else UNSURE_S


def _place(answer: Answer) -> tuple[object, ...]:
    return answer.ack, answer.seq, answer.sack_blocks
