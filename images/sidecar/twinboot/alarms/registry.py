"""What an alarm is, and the one table of all its kinds.

A part finds conditions; the tracker makes alarms of them by adding since when they hold. Status, metrics, log
and whatever else shows alarms take them from there, so all show the same. Code and subject identify an alarm;
the text is for people, and may change while it lasts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_CODE = re.compile(r"[a-z]+(-[a-z]+)*")


class UnregisteredAlarm(ValueError):
    """A code that the table does not have."""


@dataclass(frozen=True, slots=True)
class AlarmKind:
    """code: kebab-case, never changed nor used again. subject: what a subject names, in capitals.

    meaning and remedy: one line each for an operator, without a full stop.
    """

    code: str
    subject: str
    meaning: str
    remedy: str

    def on(self, subject: str, text: str) -> Condition:
        """It holds for this subject. text: a sentence with the particulars."""
        return Condition(self.code, subject, text)


@dataclass(frozen=True, slots=True)
class Condition:
    """An alarm as its finder knows it: that it holds now. UnregisteredAlarm for a code without a kind."""

    code: str
    subject: str
    text: str

    def __post_init__(self) -> None:
        if self.code not in _kinds:
            raise UnregisteredAlarm(self.code)


@dataclass(frozen=True, slots=True)
class Alarm:
    """since: monotonic seconds of this server, of the first look at which it held."""

    code: str
    subject: str
    text: str
    since: float

    @property
    def key(self) -> tuple[str, str]:
        return self.code, self.subject


_kinds: dict[str, AlarmKind] = {}


def register(kind: AlarmKind) -> AlarmKind:
    """Enter a kind; ValueError for a code that is none or that another kind has."""
    if not _CODE.fullmatch(kind.code):
        raise ValueError(f"{kind.code!r} is no code: lower-case words with hyphens between them")
    if kind.code in _kinds:
        raise ValueError(f"{kind.code} is registered already")
    _kinds[kind.code] = kind
    return kind


def find(code: str) -> AlarmKind | None:
    """The kind of a code that came from elsewhere; None when there is none."""
    return _kinds.get(code)


def registered() -> tuple[AlarmKind, ...]:
    """All kinds, in the order of their entries."""
    return tuple(_kinds.values())
