"""What the agent and the takeover process, which takes over clients' connections, say to each other.

Sends it each claim and release of an address, and waits a bounded time for the reply; passes the peers'
records to it and its own records to the peers (replicated table `connections`). Without a takeover process
the agent works as before; clients' connections then break with their server.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, Protocol

from twinboot.alarms import Condition, find, kinds
from twinboot.core.effects import LogLevel
from twinboot.log import log_event, log_fields
from twinboot.replication.node import RowChange, TableReset
from twinboot.takeover.logic.record import ConnectionKey
from twinboot.wire.ipc.takeover import (
    Dialects,
    Move,
    MoveRequest,
    PeerRecord,
    PeerReset,
    RecordChange,
    Replicated,
    ReplicationQuery,
    TakeoverEvent,
    TakeoverMessage,
    TakeoverReport,
)

from ..history.history import TimelineEvent
from .client import REPLY_TIMEOUT_S, TakeoverClient

log = logging.getLogger(__name__)

CONNECTIONS_TABLE = "connections"
MAX_RECORDS = 16_000
"""Connections, handshakes, TFTP downloads, and what has ended but not every peer knows of."""
DELIVERY_S = 0.5
"""At most this long a planned release waits until the peers have the last records: milliseconds as a rule.
On a busy machine a pause is better than connections that the next holder knows only in part."""


class Replicator(Protocol):
    """agent.replication.replicator.Replicator, or a stand-in."""

    def subscribe(self, table: str, handler: Callable[[TableReset | RowChange], None]) -> None: ...
    def put(self, table: str, key: bytes, value: bytes) -> bool: ...
    def remove(self, table: str, key: bytes) -> None: ...
    async def delivered(self, table: str, limit_s: float) -> bool: ...
    def call_when_delivered(self, table: str, call: Callable[[], None]) -> None: ...
    def lag_s(self, table: str) -> dict[str, float]: ...
    def ack_time_s(self, table: str) -> tuple[float, float]: ...


@dataclass(frozen=True, slots=True)
class LastHolder:
    """Who had an address last. peer: empty when it was none, or is not known. alive: then the move is an
    orderly one, and what was sent before it may still be on its way. ours: it was this server."""

    peer: str = ""
    alive: bool = False
    ours: bool = False


class TakeoverMoves:
    """held: the addresses that are here now. holder: who had an address last.
    restart: restarts the takeover process, which hangs or has gone."""

    def __init__(self, path: Path, replicator: Replicator, held: Callable[[], list[IPv4Address]],
                 holder: Callable[[IPv4Address], LastHolder],
                 restart: Callable[[], None] | None = None) -> None:
        self._replicator, self._held, self._holder = replicator, held, holder
        self._loop = asyncio.get_running_loop()
        self._tables: dict[str, dict[bytes, bytes]] = {}
        self._own_records: dict[bytes, bytes] = {}
        """Records of our takeover process, kept for the one that is started after it."""
        self._ended: set[bytes] = set()
        """Keys of what has ended here though a peer's record of it is there still: likewise."""
        self._last_holder: dict[IPv4Address, LastHolder] = {}
        self._dialects: Mapping[str, str] = {}
        self.timeline: Callable[[str, Iterable[TimelineEvent]], None] | None = None
        """Called with an address and what the takeover process did for it."""
        self.record_made: Callable[[bytes, bytes], None] = lambda _key, _value: None
        """Called with each record of our takeover process."""
        self._client = TakeoverClient(path, self._resend_all, self._on_message)
        self._client.restart = restart
        replicator.subscribe(CONNECTIONS_TABLE, self._on_peer_change)

    def alarm_conditions(self, server: str) -> list[Condition]:
        """What prevents connection takeover. A limit that has no alarm kind here (the process is of another
        release) becomes TAKEOVER_LIMITED."""
        if self._client.fault:
            why = f"the takeover process is missing: {self._client.fault}"
            return [kinds.TAKEOVER_MISSING.on(server, f"downloads would break with their server: {why}")]
        report = self._client.report or TakeoverReport()
        return [
            (find(code) or kinds.TAKEOVER_LIMITED).on(server, text)
            for code, text in report.limits
        ]

    def summary(self) -> dict[str, Any]:
        """For status and metrics: the takeover process's last report, and the state of its replication.

        reported: a takeover process has reported since the agent started. While it has gone, what it had
        counted stays, or a counter would fall to 0 and count anew when the line alone was broken; a new
        process begins at 0. unknown_messages_here: those that the agent skipped. lag_ms: age of our oldest
        change that a peer lacks; taken_ms: time to a peer's acknowledgement.
        """
        median_s, worst_s = self._replicator.ack_time_s(CONNECTIONS_TABLE)
        report, last = self._client.report, self._client.last_report
        return {
            "takeover": report is not None and not self._client.fault,
            "reported": last is not None,
            **(report or (last or TakeoverReport()).when_gone()).summary(),
            "unknown_messages_here": self._client.unknown_messages,
            "taken_ms": {"median": _ms(median_s), "worst": _ms(worst_s)},
            "lag_ms": {
                peer: _ms(lag_s) for peer, lag_s in sorted(self._replicator.lag_s(CONNECTIONS_TABLE).items())
            },
            "known_of": {peer: len(table) for peer, table in sorted(self._tables.items())},
        }

    def set_dialects(self, found: Mapping[str, str]) -> None:
        """What the images of FTP and HTTP service speak here: DialectWatch."""
        self._dialects = found
        self._client.write(Dialects(found))

    def close(self) -> None:
        self._client.close()

    # For the thread of the virtual addresses ----------------------------------------------------

    def claiming(self, address: IPv4Address) -> bool:
        """Before the address is up. True when the takeover process replied in time."""
        return self._request_and_wait(Move.CLAIMING, address)

    def announced(self, address: IPv4Address) -> None:
        """The address is up, and its first gratuitous ARP was sent."""
        self._send_later(Move.CLAIMED, address)

    def releasing(self, address: IPv4Address) -> None:
        """Before the address is removed: freezes its connections, and waits until peers have all records."""
        if self._request_and_wait(Move.RELEASING, address):
            future = asyncio.run_coroutine_threadsafe(
                self._replicator.delivered(CONNECTIONS_TABLE, DELIVERY_S), self._loop)
            with contextlib.suppress(TimeoutError, asyncio.CancelledError):
                future.result(DELIVERY_S + 0.1)

    def released(self, address: IPv4Address) -> None:
        """The address was removed."""
        self._send_later(Move.RELEASED, address)

    def _request_and_wait(self, what: Move, address: IPv4Address) -> bool:
        """Send the move and wait for the reply; False when there was none in time.

        After a timeout the move is sent without waiting, until the takeover process has replied again.
        """
        if not self._client.usable:
            self._send_later(what, address)
            return False
        future = asyncio.run_coroutine_threadsafe(self._ask(what, address), self._loop)
        try:
            return future.result(2 * REPLY_TIMEOUT_S)
        except (TimeoutError, asyncio.CancelledError):
            return False

    def _send_later(self, what: Move, address: IPv4Address) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(lambda: self._client.request(self._move_message(what, address)))

    # On the loop --------------------------------------------------------------------------------

    async def _ask(self, what: Move, address: IPv4Address) -> bool:
        return await self._client.request_and_wait(self._move_message(what, address))

    def _move_message(self, what: Move, address: IPv4Address) -> MoveRequest:
        if what is not Move.CLAIMED or address not in self._last_holder:
            self._last_holder[address] = self._holder(address)
        last = self._last_holder[address]  # once it is claimed, the last holder is ourselves
        return MoveRequest(what, address, last.peer, last.alive, ours=last.ours)

    def _on_peer_change(self, change: TableReset | RowChange) -> None:
        """A peer added, changed or removed a record, or began its table anew."""
        if isinstance(change, TableReset):
            self._tables.pop(change.peer, None)
            self._ended = {key for key in self._ended if self._is_told(key)}
            self._client.write(PeerReset(change.peer))
            return
        table = self._tables.setdefault(change.peer, {})
        self._ended.discard(change.key)  # the peer's word is the newer
        if change.value is None:
            table.pop(change.key, None)
        else:
            table[change.key] = change.value
        self._write_record(change.peer, change.key, change.value)

    def _write_record(self, peer: str, key: bytes, value: bytes | None) -> None:
        self._client.write(PeerRecord(peer, key, value))

    def _resend_all(self) -> None:
        """A new takeover process has no records: send it all. It decides which of its predecessor's still
        hold."""
        if self._dialects:
            self._client.write(Dialects(self._dialects))
        held = self._held()
        for key, value in tuple(self._own_records.items()):
            if ConnectionKey.unpack(key).server in held:
                self._write_record("", key, value)
            else:
                self._publish_record(key, None)
        for key in self._ended:
            self._write_record("", key, None)
        for peer, table in self._tables.items():
            for key, value in table.items():
                self._write_record(peer, key, value)
        for address in held:
            self._client.request(MoveRequest(Move.CLAIMED, address, again=True))

    def _on_message(self, message: TakeoverMessage) -> None:
        match message:
            case RecordChange():
                self._publish_record(message.key, message.value)
            case ReplicationQuery():
                self._replicator.call_when_delivered(
                    CONNECTIONS_TABLE, lambda: self._client.write(Replicated(message.number))
                )
            case TakeoverEvent():
                self._on_event(message)

    def _on_event(self, event: TakeoverEvent) -> None:
        log_fields(log, LogLevel.INFO, event.name, event.fields)
        for reason, count in event.reset.items():
            log_event(log, LogLevel.WARNING, "connections-reset", count=count, reason=reason)
        if self.timeline is not None:
            self.timeline(event.address, [TimelineEvent(at, what, text) for at, what, text in event.timeline])

    def _publish_record(self, key: bytes, value: bytes | None) -> None:
        if value is None:
            self._own_records.pop(key, None)
            if self._is_told(key) and ConnectionKey.unpack(key).server in self._held():
                self._ended.add(key)
            self._replicator.remove(CONNECTIONS_TABLE, key)
        elif self._replicator.put(CONNECTIONS_TABLE, key, value):
            self._own_records[key] = value
            self._ended.discard(key)
            self.record_made(key, value)

    def _is_told(self, key: bytes) -> bool:
        """Whether a peer's record of it is there."""
        return any(key in table for table in self._tables.values())


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)
