"""Machines without an entry, on this server: heard, told to the peers and learnt from them, kept on the disk.

What is listed is machines.unknown_machines'. What changes is told a little later and some at a time, so that
a flood of requests costs a bounded part of the loop's time; the peers list a machine within a second all the
same.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Collection, Mapping
from ipaddress import IPv4Address
from typing import Any, NamedTuple, Protocol

from twinboot.core.effects import LogLevel
from twinboot.errors import ResourceError
from twinboot.loaders.firmware import label, said_by
from twinboot.log import log_event
from twinboot.machines import inventory, unknown_machines
from twinboot.machines.unknown_machines import MAX_UNKNOWN_MACHINES, UnknownMachine, UnknownMachines
from twinboot.replication.node import MAX_TOMBSTONES, RowChange, TableReset

from ..worker import Worker

log = logging.getLogger(__name__)

TABLE = "unknown-machines"
MAX_ROWS = MAX_UNKNOWN_MACHINES + 2 * MAX_TOMBSTONES
"""Those that were pushed out count until every peer knows it, or they are too many."""
TELL_EVERY_S = 0.25
TOLD_AT_ONCE = 250
SAVE_EVERY_S = 10.0
IDENTIFIER = 97
"""Option of a DHCP request: the machine's UUID (RFC 4578 section 2.3)."""
_NO_RELAY = IPv4Address(0)
_CLOSE_LIMIT_S = 1.0


class Replicator(Protocol):
    """agent.replication.replicator.Replicator, or a stand-in."""

    def put(self, table: str, key: bytes, value: bytes) -> bool: ...
    def remove(self, table: str, key: bytes) -> None: ...
    def subscribe(self, table: str, handler: Callable[[TableReset | RowChange], None]) -> None: ...


class File(Protocol):
    """adapters.statefile.StateFile, or a stand-in."""

    def read(self) -> bytes | None: ...
    def write(self, data: bytes) -> None: ...


class _Count(NamedTuple):
    """changes: of the table until then. at, until: when it holds; then one of them is forgotten."""

    number: int
    changes: int
    at: float
    until: float


class Discovery:
    """known: the MACs of the site's hosts. host_of_uuid: the host with a UUID. wall: seconds since the epoch.
    Build it in the running loop."""

    def __init__(
        self, server: str, replicator: Replicator, file: File, known: Callable[[], Collection[str]], *,
        host_of_uuid: Callable[[str], str | None] = lambda _uuid: None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._table = UnknownMachines(server)
        self._replicator, self._file, self._known, self._wall = replicator, file, known, wall
        self._host_of_uuid = host_of_uuid
        self._loop = asyncio.get_running_loop()
        self._worker = Worker("discovery")
        self._dirty, self._saved_at = False, wall()
        self._fault = ""
        self.changed: Callable[[UnknownMachine], None] = lambda _one: None
        """Called when a machine without an entry is new, or more is known of it."""
        self._counted: _Count | None = None
        self._timer: asyncio.TimerHandle | None = None
        replicator.subscribe(TABLE, self._peer_changed)

    def start(self) -> None:
        self._worker.submit(self._load)
        self._timer = self._loop.call_later(TELL_EVERY_S, self._turn)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._save()
        self._worker.close(_CLOSE_LIMIT_S)

    # On the loop --------------------------------------------------------------------------------

    def hear(self, mac: str, said: Mapping[int, bytes], relay: IPv4Address = _NO_RELAY) -> None:
        """The firmware of a machine without an entry has asked for a boot file."""
        what = said_by(said)
        self._table.hear(unknown_machines.heard(
            mac, firmware=label(what), vendor=what.vendor, identifier=said.get(IDENTIFIER, b""),
            relay="" if relay == _NO_RELAY else str(relay), now=self._wall(),
        ))  # fmt: skip

    def record_inventory(self, target: str) -> str:
        """An inventory report, as machines.inventory has it; the answer to it."""
        try:
            said = inventory.parse(target)
        except ValueError as exc:
            return f"no {exc}"
        if not self._table.tell(said.mac, serial=said.serial, maker=said.maker, product=said.product):
            return "no machine with this address has asked here"
        return "ok"

    def site_changed(self) -> None:
        """Drops the unknown_machines that have an entry now."""
        self._table.drop(self._known())
        self._counted = None

    def rows(self) -> list[dict[str, Any]]:
        """Values for the control socket, the latest first."""
        now = self._wall()
        return [_row(one, now) for one in self._listed(now)]

    def known(self) -> int:
        """How many rows() has, for the metrics, every second: counted anew when something has changed."""
        now, counted = self._wall(), self._counted
        changes = self._table.changes
        if counted is None or counted.changes != changes or not counted.at <= now <= counted.until:
            found = self._listed(now)
            until = min((one.last for one in found), default=now) + unknown_machines.FORGET_AFTER_S
            counted = self._counted = _Count(len(found), changes, now, until)
        return counted.number

    def _listed(self, now: float) -> list[UnknownMachine]:
        found = self._table.listed(self._known(), now)
        return [one for one in found if self._host_of_uuid(one.uuid) is None]

    def _is_listed(self, one: UnknownMachine) -> bool:
        return one.mac not in self._known() and self._host_of_uuid(one.uuid) is None

    def _peer_changed(self, news: TableReset | RowChange) -> None:
        """What a peer no longer tells was pushed out there; here it has its own turn."""
        if isinstance(news, TableReset) or news.value is None:
            return
        try:
            one = unknown_machines.decode(news.value)
        except ValueError as exc:
            log_event(log, LogLevel.WARNING, "unknown-machine-refused", peer=news.peer, reason=str(exc))
            return
        if one.mac not in self._known():
            self._table.merge(one)

    def spread(self) -> None:
        """Tell the peers what has changed, some of it when it is much; and the disk, now and then."""
        for one in self._table.take_changed(TOLD_AT_ONCE):
            if self._is_listed(one):
                self.changed(one)
            self._replicator.put(TABLE, _key(one.mac), unknown_machines.encode(one))
            self._dirty = True
        for mac in self._table.take_gone():
            self._replicator.remove(TABLE, _key(mac))
            self._dirty = True
        if abs(self._wall() - self._saved_at) >= SAVE_EVERY_S:
            self._save()

    def _turn(self) -> None:
        self.spread()
        self._timer = self._loop.call_later(TELL_EVERY_S, self._turn)

    def _save(self) -> None:
        """A disk that cannot be written is the alarm of the table of machines: here but a list is lost."""
        if not self._dirty:
            return
        self._dirty, self._saved_at = False, self._wall()
        some = self._table.all()
        self._worker.submit(lambda: self._write(some))

    def _merge(self, some: list[UnknownMachine]) -> None:
        known = self._known()
        for one in some:
            if one.mac not in known:
                self._table.merge(one)

    # In the thread ------------------------------------------------------------------------------

    def _load(self) -> None:
        try:
            found = unknown_machines.decode_all(self._file.read() or b"")
        except (ResourceError, ValueError) as exc:
            log_event(log, LogLevel.WARNING, "unknown-machines-unreadable", reason=str(exc))
            return
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._merge, found)

    def _write(self, some: list[UnknownMachine]) -> None:
        try:
            self._file.write(unknown_machines.encode_all(some))
        except ResourceError as exc:
            if not self._fault:
                log_event(log, LogLevel.WARNING, "unknown-machines-not-kept", reason=str(exc))
            self._fault = str(exc)
            return
        self._fault = ""


def _key(mac: str) -> bytes:
    return bytes.fromhex(mac.replace(":", ""))


def _row(one: UnknownMachine, now: float) -> dict[str, Any]:
    return {
        "mac": one.mac, "firmware": one.firmware, "vendor": one.vendor, "uuid": one.uuid,
        "serial": one.serial, "maker": one.maker, "product": one.product, "relay": one.relay,
        "first_s": round(max(0.0, now - one.first), 1), "last_s": round(max(0.0, now - one.last), 1),
        "asked": one.times, "servers": list(one.servers),
    }  # fmt: skip
