"""What an alarm is, and the one table of all its kinds.

A part finds conditions; the tracker makes alarms of them by adding since when they hold. Status, metrics, log
and whatever else shows alarms take them from there, so all show the same. Code and subject identify an alarm;
the text is for people, and may change while it lasts.
"""

from __future__ import annotations

import re
from dataclasses import KW_ONLY, dataclass
from enum import Enum

_CODE = re.compile(r"[a-z]+(-[a-z]+)*")
_DURATION = re.compile(r"([1-9][0-9]*[smh])?")
"""A duration as Prometheus writes it; empty: at once."""


class UnregisteredAlarm(ValueError):
    """A code that the table does not have."""


class Severity(Enum):
    """How soon an alert of monitoring wants somebody."""

    CRITICAL = "critical"
    """Machines are, or may be, not served."""
    WARNING = "warning"
    """Somebody should look today."""


@dataclass(frozen=True, slots=True)
class Alert:
    """Monitoring tells somebody of the alarm once it has lasted so long (30s, 5m, 1h); empty: at once."""

    severity: Severity
    lasting: str = ""

    def __post_init__(self) -> None:
        if not _DURATION.fullmatch(self.lasting):
            raise ValueError(f"{self.lasting!r} is no duration, as 30s, 5m or 1h")


@dataclass(frozen=True, slots=True)
class NoAlert:
    """Monitoring tells nobody of it, because: one line, without a full stop."""

    because: str


def critical(lasting: str = "") -> Alert:
    return Alert(Severity.CRITICAL, lasting)


def warning(lasting: str = "") -> Alert:
    return Alert(Severity.WARNING, lasting)


no_alert = NoAlert


@dataclass(frozen=True, slots=True)
class AlarmKind:
    """code: kebab-case, never changed nor used again. subject: what a subject names, in capitals.

    meaning and remedy: one line each for an operator, without a full stop. alert: critical(), warning() or
    no_alert(). lack: what a server lacks to take over while it holds there (a value of core.model.LackKind);
    empty: nothing. of_release: whether the release that runs may be its cause; if not, `twinboot ready`,
    which is asked after an upgrade, passes it by.
    """

    code: str
    subject: str
    meaning: str
    remedy: str
    alert: Alert | NoAlert
    _: KW_ONLY
    lack: str = ""
    of_release: bool = True

    @property
    def severity(self) -> Severity | None:
        """None: monitoring tells nobody of it."""
        return self.alert.severity if isinstance(self.alert, Alert) else None

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
