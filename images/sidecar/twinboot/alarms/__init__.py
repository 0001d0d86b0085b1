"""Alarms as values: their kinds, what holds now, and since when. Pure: log, clock and socket are others'.

registry   AlarmKind, Condition, Alarm, and the table of registered kinds
kinds      every kind of Twinboot, one entry each
tracker    keeps `since` over repeats, and names what began and what ended
reference  the table of images/sidecar/METRICS.md

Adding an alarm:
1. one entry in kinds.py: code, what its subject names, what it means, what to do;
2. where it is found: `kinds.NAME.on(subject, text)` among the conditions that the part tells of;
3. `UPDATE_GOLDEN=1 .venv/bin/pytest tests/unit/house/test_docs.py`, for the table in METRICS.md.
"""

from . import kinds
from .registry import Alarm, AlarmKind, Condition, UnregisteredAlarm, find, register, registered
from .tracker import Changes, track

__all__ = [
    "Alarm", "AlarmKind", "Changes", "Condition", "UnregisteredAlarm", "find", "kinds", "register",
    "registered", "track",
]
