"""The links that heartbeats go over, all of them as one: sending, counters and faults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from twinboot.alarms import Condition, kinds


class Link(Protocol):
    """adapters.links.udp.UdpLink, or a stand-in."""

    send_errors: int

    @property
    def fault(self) -> str: ...
    @property
    def unknown_senders(self) -> int: ...
    @property
    def stale(self) -> int: ...
    @property
    def overflowed(self) -> int: ...
    def start(self) -> None: ...
    def close(self) -> None: ...
    def send(self, data: bytes) -> None: ...
    def check(self) -> None: ...


class Links:
    """The links, by name. Without any, nothing is sent."""

    def __init__(self, links: Mapping[str, Link] | None = None) -> None:
        self._links = dict(links or {})

    def start(self) -> None:
        for link in self._links.values():
            link.start()

    def close(self) -> None:
        for link in self._links.values():
            link.close()

    def send(self, data: bytes) -> None:
        for link in self._links.values():
            link.send(data)

    def check(self) -> None:
        """Once a second."""
        for link in self._links.values():
            link.check()

    def unknown_senders(self) -> int:
        return sum(link.unknown_senders for link in self._links.values())

    def dropped(self) -> int:
        """Messages from a peer's address that there was no room for, or that lay too long."""
        return sum(link.stale + link.overflowed for link in self._links.values())

    def send_errors(self) -> dict[str, int]:
        return {name: link.send_errors for name, link in self._links.items()}

    def alarm_conditions(self) -> list[Condition]:
        """Each that is not open."""
        return [
            kinds.LINK_NOT_OPEN.on(name, f"link {name} is not open: {link.fault}")
            for name, link in self._links.items() if link.fault
        ]
