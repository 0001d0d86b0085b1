"""What a receiver's answer means: delivered, this event refused, nobody there who takes events.

Source: RFC 9110 section 15 (status codes); Standard Webhooks 1.0.0 counts 2xx alone as delivered.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

_OF_THE_EVENT = {400, 409, 411, 412, 413, 415, 422}
"""About what was sent, not about who was asked: another event may be taken."""


class DeliveryOutcome(Enum):
    """How an attempt ended."""

    DELIVERED = "delivered"
    REFUSED = "refused"
    """The receiver is there, and does not take this event: others go on."""
    DOWN = "down"
    """Not reached, too slow, broken, or no receiver of webhooks: none goes on."""


@dataclass(frozen=True, slots=True)
class Answer:
    """said: one line for an operator."""

    outcome: DeliveryOutcome
    said: str


def judged(status: int, reason: str = "", location: str = "") -> Answer:
    """What an HTTP status means. location: where a redirect leads; it is not followed, for what is there need
    not be meant to get a secret's signature."""
    said = f"HTTP {status} {reason}".strip()
    if 200 <= status < 300:
        return Answer(DeliveryOutcome.DELIVERED, said)
    if 300 <= status < 400:
        where = f" to {location}" if location else ""
        return Answer(DeliveryOutcome.DOWN, f"{said}: it redirects{where}, and that is not followed: write "
                                            f"that URL")
    return Answer(DeliveryOutcome.REFUSED if status in _OF_THE_EVENT else DeliveryOutcome.DOWN, said)


def not_reached(why: str) -> Answer:
    return Answer(DeliveryOutcome.DOWN, why)
