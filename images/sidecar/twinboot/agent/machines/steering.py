"""Which boot files each host gets, from a decision to the links on the disk.

A group that a machine was given shows in its boot files when every live peer knows of it: so its server's
death does not have it given another one while it is under way with the first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from twinboot.adapters.steer_links import Way

LOOK_S = 0.02
OWED_LIMIT_S = 5.0
"""A peer that is alive and has not acknowledged for so long is waited for no more: nobody waits for ever."""


class _Owed(NamedTuple):
    way: Way
    head: int
    until: float


class Steering:
    """way: the boot files of a host, as they should be now. owes: whether all live peers must acknowledge the
    record before the links change to these. head: number of the newest change of the replicated table; told:
    whether all live peers have acknowledged it up to a number."""

    def __init__(
        self, *, way: Callable[[str], Way], owes: Callable[[Way], bool], head: Callable[[], int],
        told: Callable[[int], bool], now: Callable[[], float],
    ) -> None:
        self._way, self._owes, self._head, self._told, self._now = way, owes, head, told, now
        self._steered: dict[str, Way] = {}
        self._owed: dict[str, _Owed] = {}
        self._to_write: dict[str, Way] = {}

    @property
    def waits(self) -> bool:
        """Something waits for peers: look() is to be called soon."""
        return bool(self._owed)

    @property
    def has_work(self) -> bool:
        return bool(self._to_write)

    def steer(self, names: Iterable[str]) -> None:
        """Marks these hosts: their boot files may have to be others."""
        for name in names:
            wanted = self._way(name)
            owed = self._owed.get(name)
            if self._steered.get(name) == wanted:
                self._owed.pop(name, None)
            elif not self._owes(wanted):
                self._owed.pop(name, None)
                self._put(name, wanted)
            elif owed is None or owed.way != wanted:
                self._owed[name] = _Owed(wanted, self._head(), self._now() + OWED_LIMIT_S)
        self.look()

    def look(self) -> None:
        """Do the peers know by now?"""
        now = self._now()
        for name, one in list(self._owed.items()):
            if self._told(one.head) or now >= one.until:
                del self._owed[name]
                self._put(name, one.way)

    def take(self) -> dict[str, Way]:
        """Takes the ways that are to be written."""
        taken, self._to_write = self._to_write, {}
        return taken

    def give_back(self, ways: dict[str, Way]) -> None:
        """Takes back what could not be written; what is newer counts."""
        self._to_write = {**ways, **self._to_write}

    def _put(self, name: str, way: Way) -> None:
        self._steered[name] = self._to_write[name] = way
