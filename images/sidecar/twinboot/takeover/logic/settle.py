"""When a client's answer is believed after an orderly move. Pure; the time is handed in.

What the old holder sent last may still be on its way, in a switch's queue say, and the client's
acknowledgments of it look like answers. Who is believed too early acknowledges later what we have not sent,
and the kernel drops that (RFC 9293 section 3.10.7.4): the connection stands still for ever.
"""

from __future__ import annotations

from dataclasses import replace

from .plan import ClientPosition
from .record import ConnectionKey
from .tcp import seq as sequence

SETTLED_AFTER_S = 0.05
"""A queue that nothing has come out of for so long is empty."""
UNCONFIRMED_S = 0.3
"""Of a client that was heard once: it may have said this before our question got through, and be slow."""
SETTLE_LIMIT_S = 1.0
"""Then all are believed: clients wait."""


class PositionSettler:
    """settle_s: 0 believes everybody at once. The connections share the queue: one that gets on shows that
    it has not run empty, so nobody is believed until all stand still.

    Our questions come after all that the old holder sent. So a client that says the same twice has answered
    one of them, and there is nothing more to come.
    """

    def __init__(self, settle_s: float, now: float) -> None:
        self._settle_s, self._started_at = settle_s, now
        self._last_progress_at = float("-inf")
        self._latest: dict[ConnectionKey, tuple[ClientPosition, float]] = {}
        self._confirmed: set[ConnectionKey] = set()

    def observe(self, key: ConnectionKey, client: ClientPosition, now: float) -> None:
        before = self._latest.get(key)
        # What lies before the acknowledgment is not beyond a hole but had come twice (RFC 2883).
        client = replace(client, sack_blocks=tuple(
            block for block in client.sack_blocks if sequence.distance(client.ack, block[1]) > 0))
        if before is not None and _position_of(before[0]) == _position_of(client):
            self._latest[key] = client, before[1]
            self._confirmed.add(key)
            return
        if before is not None:
            self._last_progress_at = now
        self._confirmed.discard(key)
        self._latest[key] = client, now

    def last_ack(self, key: ConnectionKey) -> int | None:
        """What this client waits for, when it has said so and has no holes (it has no room to show more)."""
        found = self._latest.get(key)
        return found[0].ack if found is not None and not found[0].sack_blocks else None

    def settled(self, now: float) -> list[tuple[ConnectionKey, ClientPosition]]:
        """Those that may be gone on with now; each is handed out once."""
        if now < min(self._last_progress_at + self._settle_s, self._started_at + SETTLE_LIMIT_S):
            return []
        found = [(key, answer) for key, (answer, since) in self._latest.items()
                 if answer.gone or now >= since + self._wait_s(key)]
        for key, _answer in found:
            del self._latest[key]
        return found

    def _wait_s(self, key: ConnectionKey) -> float:
        return self._settle_s if key in self._confirmed or not self._settle_s else UNCONFIRMED_S


def _position_of(client: ClientPosition) -> tuple[object, ...]:
    return client.ack, client.seq, client.sack_blocks
