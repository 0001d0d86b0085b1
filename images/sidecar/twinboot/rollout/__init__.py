"""A site is changed on all servers or on none: proposed, checked by each, committed, then taken into use.

model     Versions of the site, what servers tell each other of them, and what one server knows
step      One server's part: step(state, event, now) -> (state, effects)
record    What a server keeps of the site on its disk, and the form in which servers tell each other
attempt   The proposer's part: from the proposal to its commit, or to nothing
turn      When this server may go over to the committed site: stand-bys first, holders one after the other
"""

from .model import (
    Author,
    Checked,
    ClusterFacts,
    Committed,
    Event,
    Judged,
    Keep,
    PeerFacts,
    Proposal,
    Propose,
    Refused,
    RolloutStatus,
    SiteKept,
    State,
    Switch,
    Version,
    Vote,
)
from .step import initial, step

__all__ = [
    "Author",
    "Checked",
    "ClusterFacts",
    "Committed",
    "Event",
    "Judged",
    "Keep",
    "PeerFacts",
    "Proposal",
    "Propose",
    "Refused",
    "RolloutStatus",
    "SiteKept",
    "State",
    "Switch",
    "Version",
    "Vote",
    "initial",
    "step",
]
