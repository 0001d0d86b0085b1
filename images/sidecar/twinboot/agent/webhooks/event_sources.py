"""What machines, groups and alarms do, as events: each with an id that every server gives it.

An id is made of what is the same everywhere: the order, attempt and token of an install; the boot and claim
of the server that took a group; the number of an alarm's episode; the day on which a machine without an entry
was first heard.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twinboot.alarms import find
from twinboot.machines.facts import Facts
from twinboot.machines.record import STEP_WORDS, Record
from twinboot.machines.unknown_machines import UnknownMachine
from twinboot.webhooks.episodes import EpisodeChange
from twinboot.webhooks.event import Event, EventKind, cut, identify

from .group_monitor import Moved

OLD_S = 900.0
"""What a server learns so late it does not tell any more: those that knew it have, or still keep it."""
_DAY_S = 86_400
_OF_STATE = {"done": EventKind.MACHINE_DONE, "failed": EventKind.MACHINE_FAILED}


class EventSources:
    """Makes the events of one cluster."""

    def __init__(self, cluster: str) -> None:
        self._cluster = cluster

    def machine(self, name: str, state: str, record: Record, facts: Facts | None) -> Event | None:
        """The event for a machine that came to this state; None: it is worth none."""
        kind = _OF_STATE.get(state)
        if kind is None:
            return None
        words = record.words.splitlines()[-1:] if kind is EventKind.MACHINE_FAILED else []
        why = words[0] if words else "its installer has not said why"
        text = f"{name} is installed" if kind is EventKind.MACHINE_DONE else f"{name} has failed: {why}"
        parts = name, record.epoch, record.attempt, record.token
        return self._event(kind, parts, record.at, name, text, _of_machine(name, state, record, facts))

    def stalled(self, name: str, record: Record, facts: Facts, wall: float) -> Event:
        """Nothing was heard of it for too long."""
        step = STEP_WORDS[record.step]
        parts = name, record.epoch, record.attempt, record.token, step
        text, data = f"{name} is silent at the step {step}", _of_machine(name, "stalled", record, facts)
        return self._event(EventKind.MACHINE_STALLED, parts, wall, name, text, data)

    def discovered(self, one: UnknownMachine) -> Event:
        """A machine without an entry has asked to boot."""
        who = " ".join(filter(None, (one.maker, one.product, one.firmware))) or one.vendor
        text = f"a machine without an entry asks to boot: {one.mac}{f' ({who})' if who else ''}"
        data = {
            "mac": one.mac, "firmware": one.firmware, "vendor": one.vendor, "uuid": one.uuid,
            "serial": one.serial, "maker": one.maker, "product": one.product, "relay": one.relay,
        }  # fmt: skip
        day = int(one.first) // _DAY_S
        return self._event(EventKind.MACHINE_DISCOVERED, (one.mac, day), one.first, one.mac, text, data)

    def moved(self, one: Moved, boot: int, wall: float) -> Event:
        """A group came to this server. boot: of this server."""
        why = f": {one.reason}" if one.reason else ""
        text = f"{one.group} ({one.address}) moved from {one.source} to {one.target}{why}"
        data = {"group": one.group, "address": one.address, "from": one.source, "to": one.target,
                "reason": cut(one.reason, 200)}  # fmt: skip
        parts = one.group, one.target, boot, one.number
        return self._event(EventKind.GROUP_MOVED, parts, wall, one.group, text, data)

    def alarm(self, change: EpisodeChange, text: str, server: str, wall: float) -> Event:
        """An alarm's episode begins, or is over. server: which says so."""
        code, subject = change.key
        kind = EventKind.ALARM if change.begins else EventKind.ALARM_OVER
        found = find(code)
        data: dict[str, Any] = {"code": code, "subject": subject, "server": server}
        if change.begins and found is not None:
            data["remedy"] = cut(found.remedy, 400)
        said = text if change.begins else f"{code} of {subject} is over"
        return self._event(kind, (code, subject, change.number), wall, f"{code} {subject}", said, data)

    def _event(self, kind: EventKind, parts: tuple[object, ...], at: float, subject: str, text: str,
               data: Mapping[str, Any]) -> Event:  # fmt: skip
        return Event(id=identify(self._cluster, kind, *parts), kind=str(kind), at=max(0.0, at),
                     subject=cut(subject, 200), text=cut(text), data=data)  # fmt: skip


def _of_machine(name: str, state: str, record: Record, facts: Facts | None) -> dict[str, Any]:
    profile = record.profile or (facts.profile if facts is not None else "")
    return {
        "machine": name, "state": state, "step": STEP_WORDS[record.step], "profile": profile,
        "server": record.server, "orders": record.epoch, "attempt": record.attempt,
    }  # fmt: skip
