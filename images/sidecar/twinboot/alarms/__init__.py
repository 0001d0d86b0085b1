"""Alarms as values: their kinds, what holds now, and since when. Pure: log, clock and socket are others'.

Adding an alarm:
1. one entry in kinds.py: code, what its subject names, what it means, what to do;
2. where it is found: `kinds.NAME.on(subject, text)` among the conditions that the part tells of;
3. `make generated`, for the table in METRICS.md.

kinds      Every kind of alarm, one entry each
reference  The kinds of alarms as a Markdown table, for images/sidecar/METRICS.md
registry   What an alarm is, and the one table of all its kinds
tracker    From what holds now to alarms with a beginning and an end
"""

from . import kinds
from .registry import Alarm, AlarmKind, Condition, UnregisteredAlarm, find, register, registered
from .tracker import Changes, track

__all__ = [
    "Alarm", "AlarmKind", "Changes", "Condition", "UnregisteredAlarm", "find", "kinds", "register",
    "registered", "track",
]
