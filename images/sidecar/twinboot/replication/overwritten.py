"""Rows that were overwritten before a peer had them: which of them it lacks although their range has arrived.

Owns one session's account of them. A packet holds the rows of its range that stand when it is made. When a
key has changed since, the range arrives without its row, and the peer has neither the old one nor, until a
later range has arrived, a newer one.
"""

from __future__ import annotations

from collections.abc import Iterable

from .ranges import Ranges


class OverwrittenRows:
    """Numbers of rows, each with the number of the row that replaced it."""

    def __init__(self) -> None:
        self._replaced: dict[int, int] = {}
        """The range of the old number has not arrived."""
        self._first_of: dict[int, int] = {}
        """The other way round, for rows that were never sent: the newest number -> the first one."""
        self._owed: dict[int, int] = {}
        """The range of the old number has arrived, without its row: the peer waits for the newest, which has
        not arrived."""
        self._waiting: dict[int, list[int]] = {}
        """The other way round."""
        self._owed_from: int | None = None

    @property
    def owed_from(self) -> int | None:
        """The first number of which the peer lacks the row and every newer one; None: there is none."""
        return self._owed_from

    def add(self, old: int, new: int, *, sent: int) -> None:
        """The row `old`, whose range has not arrived, was replaced by `new`. sent: all up to this number was
        sent at least once.

        Of a key that changes often before it is sent only the first and the newest number are kept: who has
        the newest has all.
        """
        first = self._first_of.get(old, old)
        if first <= sent:
            first = old
        elif first != old:
            del self._first_of[old]
        self._replaced[first] = new
        if first > sent:
            self._first_of[new] = first

    def range_arrived(self, after: int, upto: int, arrived: Ranges, *, made_at: int) -> None:
        """The range has arrived, in a packet made when the table's head was `made_at`, or in an earlier one:
        what was replaced up to then may not have been in it. Of ranges that arrive together the last comes
        first."""
        for number in self._numbers_within(after, upto):
            waiting, new = self._waiting.pop(number, []), self._replaced.pop(number, None)
            if new is not None:
                self._first_of.pop(new, None)
                if new <= made_at:
                    self._owe([*waiting, number], new, arrived)
                    continue
            self._settle(waiting)
        self._owed_from = min(self._owed, default=None)

    def _owe(self, numbers: list[int], new: int, arrived: Ranges) -> None:
        newest = self._owed.get(new, new)
        if newest == new and arrived.covers(new - 1, new):
            self._settle(numbers)
            return
        self._waiting.setdefault(newest, []).extend(numbers)
        self._owed.update(dict.fromkeys(numbers, newest))

    def _settle(self, numbers: Iterable[int]) -> None:
        """The peer has a newer row of each."""
        for number in numbers:
            self._owed.pop(number, None)

    def _numbers_within(self, after: int, upto: int) -> list[int]:
        """Those of the range that matter here, the newest first: what replaced a number comes before it."""
        if upto - after <= len(self._replaced) + len(self._waiting):
            return [n for n in range(upto, after, -1) if n in self._replaced or n in self._waiting]
        known = {*self._replaced, *self._waiting}
        return sorted((n for n in known if after < n <= upto), reverse=True)
