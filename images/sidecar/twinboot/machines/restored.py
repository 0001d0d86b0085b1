"""What becomes of the records of a backup. Pure.

A backup is older than the machines: one that was to be installed then may have been installed since, and
would be erased again. So a record of it that asks for an install is marked, and offers none. The mark goes
when an operator orders anew, when a server that was there all along tells more (record.Record.rank), or when
the very install that had begun reports again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from .facts import Facts
from .record import Order, Record


def after_restore(
    records: Mapping[str, Record], hosts: Mapping[str, Facts]
) -> tuple[dict[str, Record], tuple[str, ...]]:
    """The records to begin with, and the hosts of the site that were to be installed, or whose install had
    begun. A host without a record was to be installed: its entry asks for it."""
    blank = {name: Record(profile=one.profile, macs=one.macs) for name, one in hosts.items()}
    made = {name: _marked(record) for name, record in {**blank, **records}.items()}
    return made, tuple(name for name in hosts if made[name].restored)


def _marked(record: Record) -> Record:
    asks = record.order is Order.INSTALL and not record.done
    return replace(record, restored=True) if asks else record
