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

from twinboot.alarms import Condition, kinds
from twinboot.core.effects import LogLevel
from twinboot.errors import ResourceError
from twinboot.loaders.firmware import asks_for_boot_file, said_by
from twinboot.loaders.refusals import Refusals
from twinboot.log import log_event
from twinboot.wire.net.dhcp import SERVER_MESSAGES, SNOOPER_MAC, DhcpMessage, MessageType

from .presumed import SnoopedRequest
from .unbootable import UnbootableMachines
from .unserved import UnservedClients

log = logging.getLogger(__name__)

MAX_REQUESTS = 4096
MAX_FOREIGN_SERVERS = 8
DISCOVER_EVERY_S = 45.0
DISCOVER_PAUSE_S = 5.0
"""Between two DISCOVERs at least, also when a client names a server that we have not heard."""
FORGET_AFTER_S = 180.0
TELL_EVERY_S = 0.1
_FIRST_DISCOVER_S = 2.0
_REOPEN_S = 2.0
_NO_ADDRESS = IPv4Address(0)


class Listener(Protocol):
    """adapters.lan.dhcp_snooper.DhcpListener, or a stand-in."""

    def fileno(self) -> int: ...
    def receive(self) -> list[DhcpMessage]: ...
    def discover(self) -> None: ...
    def inform(self, address: IPv4Address) -> None: ...
    def close(self) -> None: ...


@dataclass(slots=True)
class ForeignServer:
    """A server that is none of ours. mac: empty until it was heard itself."""

    seen_at: float
    mac: str = ""


class SnoopingTable:
    """What was heard, judged. Pure but for its log lines; `now` is handed in."""

    def __init__(self, ours: frozenset[IPv4Address], refusals: Refusals | None = None) -> None:
        self._ours = ours
        self.unbootable = UnbootableMachines(refusals)
        self._requests: deque[SnoopedRequest] = deque(maxlen=MAX_REQUESTS)
        self._foreign: dict[IPv4Address, ForeignServer] = {}
        self.unserved = UnservedClients()

    def observe(self, message: DhcpMessage, now: float) -> bool:
        """Take a message in. True: ask who is there, for this names a server that we have not heard."""
        self.unserved.observe(message, now)
        self.unbootable.observe(message, now)
        if message.message_type is MessageType.REQUEST and message.server_id in self._ours:
            self._requests.append(SnoopedRequest(now, message.requested, message.client, message.server_id))
        elif message.server_id in self._ours or message.server_id == _NO_ADDRESS:
            return False
        elif message.message_type in SERVER_MESSAGES:
            # The frame of a relayed answer is not the server's own.
            mac = message.source_mac.hex(":") if message.relay == _NO_ADDRESS else ""
            self._note_server(message.server_id, mac, now)
        elif message.message_type is MessageType.REQUEST and message.client != SNOOPER_MAC:
            return not self._note_server(message.server_id, "", now).mac
        return False

    def expire(self, now: float) -> None:
        """Forget servers that have not been seen for long."""
        for address in [a for a, server in self._foreign.items() if now >= server.seen_at + FORGET_AFTER_S]:
            del self._foreign[address]
            log_event(log, LogLevel.INFO, "foreign-dhcp-server-gone", address=str(address))

    def requests(self) -> tuple[SnoopedRequest, ...]:
        return tuple(self._requests)

    def alarm_conditions(self) -> list[Condition]:
        return [
            kinds.FOREIGN_DHCP_SERVER.on(
                str(address), f"foreign DHCP server {address}" + (f" ({server.mac})" if server.mac else "")
            )
            for address, server in sorted(self._foreign.items())
        ]

    def _note_server(self, address: IPv4Address, mac: str, now: float) -> ForeignServer:
        known = self._foreign.get(address)
        if known is None and len(self._foreign) >= MAX_FOREIGN_SERVERS:
            del self._foreign[min(self._foreign, key=lambda a: self._foreign[a].seen_at)]
        if known is None or (mac and known.mac != mac):
            known = self._foreign[address] = ForeignServer(now, mac or (known.mac if known else ""))
            log_event(
                log, LogLevel.WARNING, "foreign-dhcp-server", address=str(address), mac=known.mac or "unknown"
            )
        known.seen_at = now
        return known


class DhcpSnooper:
    """Runs a SnoopingTable on the loop. The listener is opened anew when the interface went."""

    def __init__(self, open_listener: Callable[[], Listener], ours: frozenset[IPv4Address],
                 now: Callable[[], float], refusals: Refusals | None = None) -> None:
        self._open_listener = open_listener
        self._table = SnoopingTable(ours, refusals)
        self._now = now
        self._listener: Listener | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._discovered_at = 0.0
        self._fault = ""
        self.server_heard: Callable[[IPv4Address, bytes], None] | None = None
        """Called on the loop with server identifier and MAC of another host that serves, ours or not."""
        self.boot_heard: Callable[[DhcpMessage], None] = lambda _message: None
        """Called on the loop with the DISCOVER of a machine whose firmware asks for a boot file."""
        self._told_at: dict[IPv4Address, float] = {}

    def start(self) -> None:
        """Needs the running loop."""
        self._loop = asyncio.get_running_loop()
        self._open()
        self._timer = self._loop.call_later(_FIRST_DISCOVER_S, self._turn)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._close_listener()

    def requests(self) -> Sequence[SnoopedRequest]:
        """What clients asked our dhcpd for lately. From any thread."""
        return self._table.requests()

    def alarm_conditions(self) -> list[Condition]:
        return self._table.alarm_conditions()

    def unserved_clients(self) -> list[Condition]:
        """Machines that take no address, and machines that are offered no boot file."""
        now = self._now()
        return [*self._table.unserved.alarm_conditions(now), *self._table.unbootable.alarm_conditions(now)]

    def ask(self, address: IPv4Address) -> None:
        """Ask all DHCP servers of the LAN, as the host with this address: server_heard() is called for
        those that answer."""
        if self._listener is None:
            return
        try:
            self._listener.inform(address)
        except ResourceError as exc:
            self._failed(exc)

    def _tell(self, message: DhcpMessage, now: float) -> None:
        """A server behind a relay is not on this LAN; one with many clients is told of now and then."""
        server = message.server_id
        if self.server_heard is None or message.relay != _NO_ADDRESS or server == _NO_ADDRESS:
            return
        if message.message_type not in SERVER_MESSAGES or now < self._told_at.get(server, 0.0) + TELL_EVERY_S:
            return
        if len(self._told_at) > MAX_FOREIGN_SERVERS:
            self._told_at.clear()
        self._told_at[server] = now
        self.server_heard(server, message.source_mac)

    def _turn(self) -> None:
        now = self._now()
        self._table.expire(now)
        self._open()
        if self._listener is None:
            self._timer = self._loop.call_later(_REOPEN_S, self._turn)
            return
        if now >= self._discovered_at + DISCOVER_EVERY_S:
            self._discover(now)
        # Not all servers at the same moment.
        self._timer = self._loop.call_later(DISCOVER_EVERY_S / 8 * random.uniform(1.0, 2.0), self._turn)

    def _discover(self, now: float) -> None:
        if self._listener is None or now < self._discovered_at + DISCOVER_PAUSE_S:
            return
        self._discovered_at = now
        try:
            self._listener.discover()
        except ResourceError as exc:
            self._failed(exc)

    def _readable(self) -> None:
        if self._listener is None:
            return
        try:
            heard = self._listener.receive()
        except ResourceError as exc:
            self._failed(exc)
            return
        now = self._now()
        for message in heard:
            self._tell(message, now)
            if message.message_type is MessageType.DISCOVER and asks_for_boot_file(said_by(message.said)):
                self.boot_heard(message)
        unknown = [message for message in heard if self._table.observe(message, now)]
        if unknown:
            self._discover(now)

    def _open(self) -> None:
        if self._listener is not None:
            return
        try:
            self._listener = self._open_listener()
        except ResourceError as exc:
            self._failed(exc)
            return
        self._loop.add_reader(self._listener.fileno(), self._readable)
        if self._fault:
            log_event(log, LogLevel.INFO, "dhcp-snooper-works-again")
        self._fault = ""

    def _failed(self, exc: ResourceError) -> None:
        self._close_listener()
        if not self._fault:
            log_event(log, LogLevel.WARNING, "dhcp-snooper-failed", resource=exc.resource, reason=exc.reason)
        self._fault = exc.reason

    def _close_listener(self) -> None:
        if self._listener is not None:
            self._loop.remove_reader(self._listener.fileno())
            self._listener.close()
            self._listener = None
