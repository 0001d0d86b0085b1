"""The alarms of this server: asks every part what holds, keeps since when, logs each begin and end once."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from typing import Any

from twinboot.alarms import Alarm, Condition, find, track
from twinboot.core.effects import LogLevel
from twinboot.log import log_event

log = logging.getLogger(__name__)

AlarmSource = Callable[[str], Iterable[Condition]]
"""A part that tells what holds now. It is given this server's name, for what concerns the whole server."""


class AlarmBoard:
    """For one server, on the loop. How well begin and end are known is how often `look` is called."""

    def __init__(self, server: str, now: Callable[[], float]) -> None:
        self._server = server
        self._now = now
        self._sources: list[AlarmSource] = []
        self._alarms: tuple[Alarm, ...] = ()

    def add_source(self, source: AlarmSource) -> None:
        """Adds a source; its alarms are shown after those of the sources before it."""
        self._sources.append(source)

    @property
    def current(self) -> tuple[Alarm, ...]:
        """The alarms of the last look."""
        return self._alarms

    def look(self) -> tuple[Alarm, ...]:
        """All alarms of this moment."""
        now = self._now()
        found = [one for source in self._sources for one in source(self._server)]
        changes = track(self._alarms, found, now)
        self._alarms = changes.alarms
        for alarm in changes.begun:
            log_event(log, LogLevel.WARNING, "alarm", code=alarm.code, subject=alarm.subject, text=alarm.text)
        for alarm in changes.over:
            log_event(log, LogLevel.INFO, "alarm-over", code=alarm.code, subject=alarm.subject,
                      lasted_s=round(now - alarm.since, 1))
        return changes.alarms


def as_dict(alarm: Alarm, *, now: float, wall_time: float) -> dict[str, Any]:
    """For status. now, wall_time: the same moment by the clock of `since` and by the time of day."""
    began = time.gmtime(wall_time - (now - alarm.since))
    kind = find(alarm.code)
    told = {"code": alarm.code, "subject": alarm.subject, "text": alarm.text,
            "since": time.strftime("%Y-%m-%dT%H:%M:%SZ", began)}
    if kind is None:
        return told | {"remedy": "", "severity": "", "subject_type": ""}
    severity = kind.severity.value if kind.severity else ""
    return told | {"remedy": kind.remedy, "severity": severity, "subject_type": kind.subject}
