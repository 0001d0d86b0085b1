"""Faults of a site file as values: path, what is written there, and the remedy.

Owns the values that describe a fault and how they read; finds none itself.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


class _Missing:
    """The value of a key that is not there."""

    def __repr__(self) -> str:
        return "(missing)"


MISSING = _Missing()
_LONGEST_VALUE = 80


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: `path` names keys (`groups.first.order[1]`), `remedy` says what would be right."""

    path: str
    value: object
    remedy: str

    def __str__(self) -> str:
        shown = repr(self.value)
        if len(shown) > _LONGEST_VALUE:
            shown = shown[: _LONGEST_VALUE - 3] + "..."
        return f"{self.path}: {shown}: {self.remedy}"


class SiteError(Exception):
    """The site file cannot be used; carries every fault that was found."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults: tuple[Fault, ...] = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))


def join_path(parts: Iterable[str | int]) -> str:
    """('groups', 'first', 'order', 1) -> 'groups.first.order[1]'."""
    path = ""
    for part in parts:
        if isinstance(part, int):
            path += f"[{part}]"
        else:
            path += f".{part}" if path else part
    return path


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The tail of a remedy: the nearest known name, or all of them when few."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if near:
        return f"did you mean {near[0]!r}?"
    if not names:
        return "none is defined"
    if len(names) > 24:
        return f"{len(names)} are defined, none like it"
    return "known: " + ", ".join(names)
