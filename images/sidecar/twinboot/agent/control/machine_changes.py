"""The machines for the page, which asks every second: those that changed since it last asked.

Ten thousand of them take a tenth of a second to tell; to find those that changed takes two milliseconds.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from twinboot.machines.facts import Facts
from twinboot.machines.record import Order, Record
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

    async def since(self, mark: str) -> dict[str, Any]:
        """mark: of an earlier answer; empty, or one that is not known any more: all of them are told."""
        self._look()
        start = f"{self._began}-{self._sites}-"
        number = mark.removeprefix(start)
        whole = not (mark.startswith(start) and number.isdecimal())
        names = [name for name, one in self._told.items() if whole or one.number > int(number)]
        rows = [orders.row(self._keeper, name) for name in names]
        made = await asyncio.to_thread(orders.rows, rows) if len(rows) > _MANY else orders.rows(rows)
        return {
            "ok": True, "ready": self._keeper.table.ready, "mark": f"{start}{self._number}", "whole": whole,
            "machines": made,
        }  # fmt: skip

    def _look(self) -> None:
        """Give every machine that changed a number."""
        table = self._keeper.table
        if table.facts is not self._facts or table.ready is not self._ready:
            self._facts, self._ready = table.facts, table.ready
            self._told.clear()
            self._sites += 1
        for name, facts in table.facts.items():
            record, told = table.records.get(name), self._told.get(name)
            same = told is not None and told.record is record
            if same and (record is None or not _may_stall(record)):
                continue
            state = state_of(record, self._keeper.silent_s(name), facts) if record is not None else ""
            if told is None or not same or told.state != state:
                self._number = next(self._numbers)
                self._told[name] = _Told(record, facts, state, self._number)


def _may_stall(record: Record) -> bool:
    """Silence alone makes another state of it."""
    return record.order is Order.INSTALL and not record.done and not record.failed
