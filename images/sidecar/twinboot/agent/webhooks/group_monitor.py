"""Looks at the groups after each step of the core: who moved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from twinboot.core.model import GroupState
from twinboot.core.vip.group import Group


@dataclass(frozen=True, slots=True)
class Moved:
    """A group came to this server. number: which of its claims since it has started."""

    group: str
    address: str
    source: str
    target: str
    reason: str
    number: int


class GroupMonitor:
    """me: this server. Only the server that takes a group tells of the move, so that each is one event."""

    def __init__(self, me: str) -> None:
        self._me = me
        self._groups: Mapping[str, Group] = {}
        self._sources: dict[str, tuple[str, str]] = {}
        self._claims = 0

    def look(self, groups: Mapping[str, Group]) -> list[Moved]:
        """Groups that this server has taken from another one since the last look. Of one whose last holder is
        not known it is not known whether it moved."""
        before, self._groups = self._groups, groups
        found: list[Moved] = []
        if groups is before:
            return found
        for name, new in groups.items():
            old = before.get(name)
            if old is None or old.state is new.state:
                continue
            if new.state is GroupState.CLAIMING:
                self._sources[name] = old.last_holder, new.reason
            elif new.state is GroupState.HELD:
                source, reason = self._sources.pop(name, ("", ""))
                if source and source != self._me:
                    self._claims += 1
                    address = new.config.address
                    found.append(Moved(name, address, source, self._me, reason, self._claims))
        return found
