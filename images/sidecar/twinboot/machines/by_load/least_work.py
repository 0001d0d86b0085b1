"""Which group has the least work: of what runs, what is sent, and weights. Pure arithmetic.

Counted are servers first, since what serves two groups has the work of both; then, where one server has
several groups, the groups. What is equal falls to the machine's home group, and then to the groups after it:
so equal machines that come in turn are shared as by parity.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

SENT_STEP_KIB_S = 16 << 10
"""What a server sends counts in steps of so much: less says nothing of how long an install will take."""


@dataclass(frozen=True, slots=True)
class Group:
    """weight: its share of the clients. home: the server that holds it when all are well."""

    weight: int = 1
    home: str = ""


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of a site. groups: in the order of balancing. at_once: installs on a server of weight 1; 0:
    no limit. pinned: hosts that get their home group whatever it has to do."""

    groups: Mapping[str, Group]
    at_once: int = 0
    pinned: frozenset[str] = frozenset()

    def weight_of(self, server: str) -> int:
        """Weight of a server: that of the groups that are its own; 1 for one that has none."""
        return sum(one.weight for one in self.groups.values() if one.home == server) or 1


class Work:
    """What there is to do now, and what is added to it. holders: server by group, of those that are held.
    running: installs by group. sent_kib_s: by server."""

    def __init__(
        self, rules: Rules, holders: Mapping[str, str], running: Mapping[str, int],
        sent_kib_s: Mapping[str, int],
    ) -> None:
        self.rules, self._holders, self._sent = rules, holders, sent_kib_s
        self._of_group = {group: running.get(group, 0) for group in rules.groups}
        self._of_server: dict[str, int] = {}
        for group, count in self._of_group.items():
            if group in holders:
                self._of_server[holders[group]] = self._of_server.get(holders[group], 0) + count

    def add(self, group: str) -> None:
        """One more install is given to it."""
        self._of_group[group] += 1
        self._of_server[self._holders[group]] += 1

    def has_room(self, group: str) -> bool:
        """May the server that holds it have one more install?"""
        server = self._holders.get(group)
        if server is None:
            return False
        most = self.rules.at_once * self.rules.weight_of(server)
        return not self.rules.at_once or self._of_server[server] < most

    def least(self, home: str, among: Iterable[str]) -> str | None:
        """The group among these with the least work that has room; None: none has."""
        order = list(self.rules.groups)
        at = order.index(home) if home in order else 0
        fits = [group for group in among if group in self._of_group and self.has_room(group)]
        return min(fits, key=lambda group: self._rank(group, order, at), default=None)

    def _rank(self, group: str, order: list[str], at: int) -> tuple[Fraction, int, Fraction, int]:
        server, rules = self._holders[group], self.rules
        weight = rules.weight_of(server)
        return (
            Fraction(self._of_server[server], weight),
            self._sent.get(server, 0) // (SENT_STEP_KIB_S * weight),
            Fraction(self._of_group[group], rules.groups[group].weight),
            (order.index(group) - at) % len(order),
        )
