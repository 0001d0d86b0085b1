"""By whose timers a peer's silence is measured, when the site files differ.

Every heartbeat tells the sender's timers. Of two servers the longer time of each kind holds for both, so that
one which sends less often is not taken for dead by the other. A server of an older release does not tell.
"""

from __future__ import annotations

from dataclasses import replace

from ..model import Timers
from .peer import Peer

TOLD = ("interval_s", "warntime_s", "deadtime_s", "suspect_s", "address_lifetime_s")
"""The timers that heartbeats tell; the others concern their own server alone."""


def note(peer: Peer, ours: Timers) -> Peer:
    """The peer with the timers that hold between it and us; None there: ours."""
    told = peer.last_heartbeat.timers if peer.last_heartbeat is not None else None
    if told is None:
        return peer
    longer = {name: value for name in TOLD if (value := getattr(told, name)) > getattr(ours, name)}
    both = replace(ours, **longer) if longer else None
    return peer if both == peer.timers else replace(peer, timers=both)
