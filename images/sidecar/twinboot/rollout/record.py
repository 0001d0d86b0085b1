"""What a server keeps of the site on its disk, and the form in which servers tell each other. JSON values.

Owns both forms. Keys that are not known are skipped; those that are missing have a default.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from .model import Author, Committed, Proposal, RolloutStatus, Version, Vote

MAX_BYTES = 64 << 20
_MAX_PAST = 200


@dataclass(frozen=True, slots=True)
class Record:
    """The committed site, the one before it, and what must not be forgotten over a restart.

    past: by digest, in hex, the last number under which a site was committed here. seen: the highest number
    heard of. heard: servers that were heard since this one was set up.
    """

    committed: Committed
    previous: Committed | None = None
    past: Mapping[str, int] = field(default_factory=dict)
    seen: int = 0
    heard: tuple[str, ...] = ()

    def keep(self, committed: Committed, seen: int) -> Record:
        """The record with another committed site."""
        seen = max(seen, self.seen)
        if committed.version == self.committed.version:
            return replace(self, seen=seen)
        old = self.committed
        past = {**self.past, old.version.digest.hex(): old.version.number}
        past = dict(list(past.items())[-_MAX_PAST:])
        return replace(self, committed=committed, previous=old, past=past, seen=seen)

    def encode(self) -> bytes:
        return json.dumps({
            "committed": _from_committed(self.committed),
            "previous": _from_committed(self.previous) if self.previous is not None else None,
            "past": dict(self.past), "seen": self.seen, "heard": list(self.heard),
        }).encode()


def decode_record(data: bytes) -> Record:
    """ValueError when it is none."""
    try:
        said = json.loads(data)
        previous = said.get("previous")
        return Record(
            _to_committed(said["committed"]),
            _to_committed(previous) if previous is not None else None,
            {str(digest): int(number) for digest, number in said.get("past", {}).items()},
            int(said.get("seen", 0)),
            tuple(str(name) for name in said.get("heard", ())),
        )
    except (KeyError, TypeError, AttributeError) as exc:
        raise ValueError("not a record of the site") from exc


def status_to_json(status: RolloutStatus) -> dict[str, Any]:
    proposal, vote = status.proposal, status.vote
    return {
        "committed": _from_committed(status.committed),
        "proposal": None if proposal is None else {
            **_from_version(proposal.version), "text": proposal.text, "proposer": proposal.proposer,
            "members": list(proposal.members), "by": asdict(proposal.by),
        },
        "vote": None if vote is None else {
            **_from_version(vote.version), "proposer": vote.proposer, "faults": list(vote.faults),
            "notes": list(vote.notes),
        },
        "wants_turn": status.wants_turn,
    }


def status_from_json(said: Mapping[str, Any]) -> RolloutStatus:
    """ValueError when it is none."""
    try:
        proposal, vote = said.get("proposal"), said.get("vote")
        return RolloutStatus(
            _to_committed(said["committed"]),
            None if proposal is None else Proposal(
                _to_version(proposal), str(proposal["text"]), str(proposal["proposer"]),
                tuple(str(name) for name in proposal["members"]), _to_author(proposal),
            ),
            None if vote is None else Vote(
                _to_version(vote), str(vote["proposer"]), _texts(vote["faults"]),
                _texts(vote.get("notes", ())),
            ),
            bool(said.get("wants_turn")),
        )
    except (KeyError, TypeError, AttributeError) as exc:
        raise ValueError("not what a server tells of the site") from exc


def _texts(values: Any) -> tuple[str, ...]:
    return tuple(str(value) for value in values)


def _from_version(version: Version) -> dict[str, Any]:
    return {"number": version.number, "digest": version.digest.hex()}


def _to_version(said: Mapping[str, Any]) -> Version:
    return Version(int(said["number"]), bytes.fromhex(said["digest"]))


def _from_committed(one: Committed) -> dict[str, Any]:
    return {**_from_version(one.version), "text": one.text, "by": asdict(one.by)}


def _to_committed(said: Mapping[str, Any]) -> Committed:
    return Committed(_to_version(said), str(said["text"]), _to_author(said))


def _to_author(said: Mapping[str, Any]) -> Author:
    """Releases before do not tell."""
    by = said.get("by") or {}
    who, via, server = (str(by.get(key) or "") for key in ("who", "via", "server"))
    return Author(who, via, server, float(by.get("at") or 0.0))
