"""From what holds now to alarms with a beginning and an end. Owns no state: the last alarms are handed in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .registry import Alarm, Condition


@dataclass(frozen=True, slots=True)
class Changes:
    """alarms: all of now, in the order found. begun: those of them that are new. over: those that were."""

    alarms: tuple[Alarm, ...]
    begun: tuple[Alarm, ...]
    over: tuple[Alarm, ...]


def track(before: Iterable[Alarm], found: Iterable[Condition], now: float) -> Changes:
    """`since` stays over repeats of the same code and subject, and begins anew after an end.

    What two parts find of one code and subject is one alarm, with the text of the first.
    """
    old = {alarm.key: alarm for alarm in before}
    new: dict[tuple[str, str], Alarm] = {}
    for one in found:
        known = old.get((one.code, one.subject))
        alarm = Alarm(one.code, one.subject, one.text, now if known is None else known.since)
        new.setdefault(alarm.key, alarm)
    return Changes(
        alarms=tuple(new.values()),
        begun=tuple(alarm for key, alarm in new.items() if key not in old),
        over=tuple(alarm for key, alarm in old.items() if key not in new),
    )
