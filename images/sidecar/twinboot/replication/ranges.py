"""The set of sequence numbers that have arrived: all up to one number, and ranges beyond it."""

from __future__ import annotations


class Ranges:
    """A growing set of ranges (after, upto], numbers from 1 on."""

    def __init__(self) -> None:
        self.upto = 0
        """All up to here has arrived."""
        self.beyond: list[tuple[int, int]] = []
        """Disjoint, in order, none of them touching `upto`."""

    def add(self, after: int, upto: int) -> None:
        merged: list[tuple[int, int]] = []
        for low, high in sorted([*self.beyond, (after, upto)]):
            if low <= self.upto:
                self.upto = max(self.upto, high)
            elif merged and low <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(merged[-1][1], high))
            else:
                merged.append((low, high))
        self.beyond = [ends for ends in merged if ends[1] > self.upto]

    def covers(self, after: int, upto: int) -> bool:
        if upto <= self.upto:
            return True
        return any(low <= max(after, self.upto) and upto <= high for low, high in self.beyond)
