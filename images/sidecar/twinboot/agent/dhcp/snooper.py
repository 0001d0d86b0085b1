"""Watches the DHCP talk on the LAN: addresses that clients ask for, and servers that are none of ours.

Clients broadcast the REQUEST that names the server they chose (RFC 2131 section 4.3.2), so every server
sees it; those that come by a relay are not seen here. A foreign server is noticed by such a REQUEST, by
its own broadcasts, and by a DISCOVER that we send now and then.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Protocol

from twinboot.core.effects import Level
from twinboot.errors import ResourceError
from twinboot.log import say
from twinboot.wire.net.dhcp import FROM_SERVER, WATCH_MAC, Kind, Message

from .leases import Request

log = logging.getLogger(__name__)

MOST_REQUESTS = 4096
MOST_FOREIGN = 8
ASK_EVERY_S = 45.0
ASK_PAUSE_S = 5.0
"""Between two DISCOVERs at least, also when a client names a server that we have not heard."""
GONE_AFTER_S = 180.0
_FIRST_ASK_S = 2.0
_REOPEN_S = 2.0
_NOBODY = IPv4Address(0)


class Ear(Protocol):
    """adapters.dhcpear.DhcpEar, or a stand-in."""

    def fileno(self) -> int: ...
    def heard(self) -> list[Message]: ...
    def discover(self) -> None: ...
    def close(self) -> None: ...


@dataclass(slots=True)
class Foreign:
    """A server that is none of ours. mac: empty until it was heard itself."""

    seen_at: float
    mac: str = ""


class Onlooker:
    """What was heard, judged. Pure but for its log lines; `now` is handed in."""

    def __init__(self, ours: frozenset[IPv4Address]) -> None:
        self._ours = ours
        self._requests: deque[Request] = deque(maxlen=MOST_REQUESTS)
        self._foreign: dict[IPv4Address, Foreign] = {}

    def hear(self, message: Message, now: float) -> bool:
        """Take a message in. True: ask who is there, for this names a server that we have not heard."""
        if message.kind is Kind.REQUEST and message.server in self._ours:
            self._requests.append(Request(now, message.requested, message.client, message.server))
        elif message.server in self._ours or message.server == _NOBODY:
            return False
        elif message.kind in FROM_SERVER:
            # The frame of a relayed answer is not the server's own.
            mac = message.source_mac.hex(":") if message.relay == _NOBODY else ""
            self._sighted(message.server, mac, now)
        elif message.kind is Kind.REQUEST and message.client != WATCH_MAC:
            return not self._sighted(message.server, "", now).mac
        return False

    def tend(self, now: float) -> None:
        """Forget servers that have not been seen for long."""
        for address in [a for a, server in self._foreign.items() if now >= server.seen_at + GONE_AFTER_S]:
            del self._foreign[address]
            say(log, Level.INFO, "foreign-dhcp-server-gone", address=str(address))

    def requests(self) -> tuple[Request, ...]:
        return tuple(self._requests)

    def alarms(self) -> list[str]:
        return [
            f"foreign DHCP server {address}" + (f" ({server.mac})" if server.mac else "")
            for address, server in sorted(self._foreign.items())
        ]

    def _sighted(self, address: IPv4Address, mac: str, now: float) -> Foreign:
        known = self._foreign.get(address)
        if known is None and len(self._foreign) >= MOST_FOREIGN:
            del self._foreign[min(self._foreign, key=lambda a: self._foreign[a].seen_at)]
        if known is None or (mac and known.mac != mac):
            known = self._foreign[address] = Foreign(now, mac or (known.mac if known else ""))
            say(log, Level.WARNING, "foreign-dhcp-server", address=str(address), mac=known.mac or "unknown")
        known.seen_at = now
        return known


class DhcpWatch:
    """Runs an Onlooker on the loop. The ear is opened anew when the interface went."""

    def __init__(self, open_ear: Callable[[], Ear], ours: frozenset[IPv4Address],
                 now: Callable[[], float]) -> None:
        self._open_ear = open_ear
        self._onlooker = Onlooker(ours)
        self._now = now
        self._ear: Ear | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._asked_at = 0.0
        self._fault = ""

    def start(self) -> None:
        """Needs the running loop."""
        self._loop = asyncio.get_running_loop()
        self._open()
        self._timer = self._loop.call_later(_FIRST_ASK_S, self._turn)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._shut()

    def requests(self) -> Sequence[Request]:
        """What clients asked our dhcpd for lately. From any thread."""
        return self._onlooker.requests()

    def alarms(self) -> list[str]:
        return self._onlooker.alarms()

    def _turn(self) -> None:
        now = self._now()
        self._onlooker.tend(now)
        self._open()
        if self._ear is None:
            self._timer = self._loop.call_later(_REOPEN_S, self._turn)
            return
        if now >= self._asked_at + ASK_EVERY_S:
            self._ask(now)
        # Not all servers at the same moment.
        self._timer = self._loop.call_later(ASK_EVERY_S / 8 * random.uniform(1.0, 2.0), self._turn)

    def _ask(self, now: float) -> None:
        if self._ear is None or now < self._asked_at + ASK_PAUSE_S:
            return
        self._asked_at = now
        try:
            self._ear.discover()
        except ResourceError as exc:
            self._failed(exc)

    def _readable(self) -> None:
        if self._ear is None:
            return
        try:
            heard = self._ear.heard()
        except ResourceError as exc:
            self._failed(exc)
            return
        now = self._now()
        unknown = [message for message in heard if self._onlooker.hear(message, now)]
        if unknown:
            self._ask(now)

    def _open(self) -> None:
        if self._ear is not None:
            return
        try:
            self._ear = self._open_ear()
        except ResourceError as exc:
            self._failed(exc)
            return
        self._loop.add_reader(self._ear.fileno(), self._readable)
        if self._fault:
            say(log, Level.INFO, "dhcp-watch-works-again")
        self._fault = ""

    def _failed(self, exc: ResourceError) -> None:
        self._shut()
        if not self._fault:
            say(log, Level.WARNING, "dhcp-watch-failed", resource=exc.resource, reason=exc.reason)
        self._fault = exc.reason

    def _shut(self) -> None:
        if self._ear is not None:
            self._loop.remove_reader(self._ear.fileno())
            self._ear.close()
            self._ear = None
