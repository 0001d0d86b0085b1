"""How long a client's input is waited for that may have been lost with its server."""

from __future__ import annotations

LOST_INPUT_S = 15.0
"""A client retransmits after 0.2, 0.6, 1.4, 3, 6.2, 12.6 s (RFC 6298)."""


def lost_input_s(away_s: float) -> float:
    """How long lost input is waited for. away_s: so long nobody had the address. The client's next pause may
    be as long as that, and the one after it, when a packet is lost once more, twice as long."""
    return LOST_INPUT_S + 3 * away_s
