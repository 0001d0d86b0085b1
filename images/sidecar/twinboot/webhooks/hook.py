"""A webhook of the site file, and which events it wants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .event import Event, EventKind

_OF_PROFILES = {EventKind.MACHINE_DONE, EventKind.MACHINE_FAILED, EventKind.MACHINE_STALLED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """secret, ca: files below the config folder; empty: events go unsigned; the system's authorities count.
    profiles: of machines whose events are wanted; empty: all."""

    name: str
    url: str
    events: frozenset[str] = frozenset(EventKind)
    secret: str = ""
    ca: str = ""
    profiles: frozenset[str] = frozenset()

    def wants(self, event: Event) -> bool:
        if event.kind not in self.events:
            return False
        filtered = self.profiles and event.kind in _OF_PROFILES
        return not filtered or event.data.get("profile") in self.profiles


def hooks_of(site: Mapping[str, Any] | None) -> dict[str, Hook]:
    """By name, of a site as JSON values: that which the sidecar works by, so its checks have seen it."""
    found = {}
    for one in (site or {}).get("webhooks") or ():
        found[one["name"]] = Hook(
            name=one["name"], url=one["url"], events=frozenset(one["events"]), secret=one.get("secret") or "",
            ca=one.get("ca") or "", profiles=frozenset(one.get("profiles") or ()),
        )  # fmt: skip
    return found
