"""An alarm's begin and end, once for all servers together, whoever of them notices it.

An episode lasts while any live server has the alarm, and a little longer, so that one that flickers is one.
Its number is one more than that of the last episode known anywhere: servers that begin it at the same time
come to the same number, and so to the same id of the event.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

OVER_AFTER_S = 15.0
"""For so long nobody may have an alarm before it counts as over."""
AFTER_START_S = 60.0
"""The same after a start: this server has not looked at everything yet, and has not heard everybody."""
MAX_NUMBERS = 4096

Key = tuple[str, str]
"""An alarm's code and subject."""


@dataclass(frozen=True, slots=True)
class EpisodeChange:
    """An episode begins, or is over."""

    key: Key
    number: int
    begins: bool


@dataclass(slots=True)
class _Open:
    number: int
    held_until: float


class Episodes:
    """Numbers the episodes of alarms, on one server."""

    def __init__(self) -> None:
        self.changed = False
        """Since it was last set to False: numbers() is to be kept."""
        self._numbers: dict[Key, int] = {}
        self._base = 0
        """The greatest number of the keys that were forgotten: a new one begins above it."""
        self._open: dict[Key, _Open] = {}

    def load(self, numbers: Mapping[Key, int], opened: Iterable[Key], base: int, now: float) -> None:
        """Takes what an earlier life knew."""
        self._base = max(self._base, base)
        for key, number in numbers.items():
            self._learn(key, number)
        for key in opened:
            if key in self._numbers:
                self._open.setdefault(key, _Open(self._numbers[key], now + AFTER_START_S))

    def kept(self) -> tuple[Mapping[Key, int], tuple[Key, ...], int]:
        """Numbers, open keys and base, for load() of a later life."""
        return self._numbers, tuple(self._open), self._base

    def look(
        self, mine: Iterable[Key], others: Iterable[Mapping[Key, int]], now: float
    ) -> list[EpisodeChange]:
        """mine: this server's alarms now. others: those of each live peer, with their episodes' numbers."""
        changes = []
        elsewhere: dict[Key, int] = {}
        for one in others:
            for key, number in one.items():
                elsewhere[key] = max(number, elsewhere.get(key, 0))
        for key, number in elsewhere.items():
            self._learn(key, number)
            self._hold(key, number, now)
        for key in mine:
            if key not in self._open:
                number = self._numbers.get(key, self._base) + 1
                self._learn(key, number)
                changes.append(EpisodeChange(key, number, begins=True))
            self._hold(key, self._numbers[key], now)
        for key, episode in list(self._open.items()):
            if now >= episode.held_until:
                del self._open[key]
                self.changed = True
                changes.append(EpisodeChange(key, episode.number, begins=False))
        return changes

    def number_of(self, key: Key) -> int:
        """The number of the alarm's current episode."""
        return self._open[key].number

    def _hold(self, key: Key, number: int, now: float) -> None:
        known = self._open.get(key)
        if known is None:
            self.changed = True
            self._open[key] = _Open(number, now + OVER_AFTER_S)
            return
        known.number = max(known.number, number)
        known.held_until = max(known.held_until, now + OVER_AFTER_S)

    def _learn(self, key: Key, number: int) -> None:
        before = self._numbers.get(key, 0)
        if number <= before:
            return
        self._numbers.pop(key, None)
        self._numbers[key] = number
        self.changed = True
        if len(self._numbers) > MAX_NUMBERS:
            oldest = next((one for one in self._numbers if one not in self._open), key)
            self._base = max(self._base, self._numbers.pop(oldest))
