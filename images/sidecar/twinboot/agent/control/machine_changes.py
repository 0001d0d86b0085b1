"""The machines for the page, which asks twice a second: those that changed since it last asked.

Ten thousand of them take a tenth of a second to tell; of those that did not change none is looked at.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice, takewhile
from typing import Any

from twinboot.machines.facts import Facts
from twinboot.machines.record import Record
from twinboot.machines.view import state_of

from ..machines import orders
from ..machines.keeper import MachineKeeper

_MANY = 200
"""Rows of so many machines are made in a thread."""


@dataclass(slots=True)
class _Told:
    """What a machine was when it was told, and the number of that change."""

    record: Record | None
    facts: Facts
    state: str
    number: int


class MachineChanges:
    """For one keeper. began: another one with each start of the agent, so that a mark of another is known."""

    def __init__(self, keeper: MachineKeeper, began: str) -> None:
        self._keeper, self._began = keeper, began
        self._told: dict[str, _Told] = {}
        self._facts: Mapping[str, Facts] = {}
        self._ready = False
        self._numbers = itertools.count(1)
        self._sites, self._number = 0, 0
        self._seen = 0
        """The newest change of the table that was looked at."""

    async def since(self, mark: str, *, most: int = 0) -> dict[str, Any]:
        """mark: of an earlier answer; empty, or one that is not known any more: all of them are told. most:
        where all are told, so many in one answer; after one with "more" the caller asks again at once. 0: all
        in one."""
        self._look()
        start = f"{self._began}-{self._sites}-"
        number, _, begin = mark.removeprefix(start).partition("+")
        known = mark.startswith(start) and number.isdecimal() and (not begin or begin.isdecimal())
        told, first = (int(number), int(begin or 0)) if known else (self._number, 0)
        end = first + most if most else len(self._facts)
        if known and not begin:
            names, more, told = self._changed_since(told), False, self._number
        else:  # what changes meanwhile is told after the last piece
            names, more = list(islice(self._facts, first, end)), end < len(self._facts)
        mark = f"{start}{told}{f'+{end}' if more else ''}"
        rows = [orders.row(self._keeper, name) for name in names]
        made = await asyncio.to_thread(orders.rows, rows) if len(rows) > _MANY else orders.rows(rows)
        return {
            "ok": True, "ready": self._keeper.table.ready, "mark": mark, "whole": not known, "more": more,
            "machines": made,
        }  # fmt: skip

    def _changed_since(self, number: int) -> list[str]:
        newest_first = takewhile(lambda name: self._told[name].number > number, reversed(self._told))
        return list(newest_first)[::-1]

    def _look(self) -> None:
        """Give every machine that changed a number; those with the newest stand last."""
        table = self._keeper.table
        names: Iterable[str] = dict.fromkeys((*table.changed_since(self._seen), *table.quiet()))
        self._seen = table.number
        if table.facts is not self._facts or table.ready is not self._ready:
            self._facts, self._ready = table.facts, table.ready
            self._told.clear()
            self._sites += 1
            names = table.facts
        for name in names:
            facts, told = table.facts.get(name), self._told.get(name)
            if facts is None:
                continue
            record = table.records.get(name)
            same = told is not None and told.record is record
            state = state_of(record, self._keeper.silent_s(name), facts) if record is not None else ""
            if told is None or not same or told.state != state:
                self._number = next(self._numbers)
                self._told.pop(name, None)
                self._told[name] = _Told(record, facts, state, self._number)
