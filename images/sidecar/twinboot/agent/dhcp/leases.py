"""Leases of the whole cluster: what the own dhcpd grants goes to the peers, what theirs grant is kept
here, and a dhcpd that starts here starts with all of it.

Owns who may write dhcpd's file when (see LeaseFile): this server only while its dhcpd does not run.
Called from three threads: the loop (learn, publish), the services' (Keeper), and one of its own that
reads while dhcpd writes. A reign is the time that one dhcpd serves; its number says which of two
declarations of an address is the later one, whatever the servers' clocks say.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from typing import TypeVar

from twinboot.core.effects import Level
from twinboot.core.model import ServiceState
from twinboot.dhcp.isc.lease_text import Lease, declare, newer, pack, unpack
from twinboot.errors import ResourceError
from twinboot.log import say
from twinboot.replication.node import Change, Reset

from ..settings import Pool
from ..worker import Worker
from .lease_parts import File, Store, Stream

log = logging.getLogger(__name__)

T = TypeVar("T")

TOPIC = "leases"
MOST = 20_000
DELIVER_LIMIT_S = 0.3
"""A planned move waits so long for the peers to have the last lease."""
_LOAD_LIMIT_S = 1.0
_KEEP_EVERY_S = 0.5
REQUEST_WINDOW_S = 15.0
"""A client's request that old is covered by the stream, or was never granted."""


@dataclass(frozen=True, slots=True)
class Request:
    """A client was heard asking for an address. at: by the agent's clock."""

    at: float
    address: IPv4Address
    mac: bytes
    server: IPv4Address


class Leases:
    """A Keeper of the service dhcpd (agent.health.services). Build and start it in the running loop."""

    def __init__(self, *, file: File, store: Store, stream: Stream, pools: Sequence[Pool],
                 server_ids: frozenset[IPv4Address], requests: Callable[[], Sequence[Request]],
                 now: Callable[[], float], wall: Callable[[], float], service: str = "dhcpd") -> None:
        self._file, self._store, self._stream = file, store, stream
        self._pools, self._server_ids, self._requests = pools, server_ids, requests
        self._now, self._wall, self._service = now, wall, service
        self._loop = asyncio.get_running_loop()
        self._worker = Worker("leases")
        self._lock = threading.RLock()
        self._file_lock = threading.Lock()
        self._loaded = threading.Event()
        self._book: dict[IPv4Address, Lease] = {}
        self._heard_at: dict[IPv4Address, float] = {}
        self._told: set[IPv4Address] = set()
        self._unkept: set[IPv4Address] = set()
        self._reign = 0
        self._top_era = 0
        self._serving = False
        """The file is dhcpd's; else it is ours."""
        self._reading = False
        self._keep_timer: asyncio.TimerHandle | None = None
        self._faults: dict[str, str] = {}

    @property
    def fault(self) -> str:
        """Why leases cannot be kept, or empty."""
        return "; ".join(self._faults.copy().values())

    def __len__(self) -> int:
        return len(self._book)

    def start(self) -> None:
        self._worker.submit(self._load)

    def close(self) -> None:
        if self._keep_timer is not None:
            self._keep_timer.cancel()
        self._worker.submit(self._keep)
        self._worker.close(1.0)

    # On the loop --------------------------------------------------------------------------------

    def learn(self, news: Reset | Change) -> None:
        """A peer's table changed. What it takes back it has from another peer by now."""
        if isinstance(news, Reset) or news.value is None:
            return
        try:
            lease = unpack(news.key, news.value)
        except ValueError as exc:
            say(log, Level.WARNING, "lease-refused", peer=news.peer, reason=str(exc))
            return
        with self._lock:
            self._top_era = max(self._top_era, lease.era)
            if not newer(self._book.get(lease.address), lease):
                return
            self._heard_at[lease.address] = self._now()
            self._note(lease)
        self._keep_later()
        if lease.address in self._told:
            self._told.discard(lease.address)
            self._stream.remove(TOPIC, news.key)

    def written(self) -> None:
        """Something in the lease file's folder was written. Reads wait for the disk: in the thread."""
        if self._serving and not self._reading:
            self._reading = True
            self._worker.submit(self._read)

    def _publish(self, leases: Sequence[Lease]) -> None:
        for lease in leases:
            if self._stream.put(TOPIC, lease.address.packed, pack(lease)):
                self._told.add(lease.address)
        self._keep_later()

    def _keep_later(self) -> None:
        def due() -> None:
            self._keep_timer = None
            self._worker.submit(self._keep)

        if self._keep_timer is None:
            self._keep_timer = self._loop.call_later(_KEEP_EVERY_S, due)

    # In the services' thread --------------------------------------------------------------------

    def serving(self, service: str) -> bool:
        """By the last look it runs here."""
        return service == self._service and self._serving

    def before_start(self, service: str) -> None:
        """Give dhcpd all leases to start with."""
        if service != self._service or self._serving:
            return
        self._loaded.wait(_LOAD_LIMIT_S)
        with self._file_lock:
            # The last words of a dhcpd of an earlier life.
            self._taken(self._try("read", self._file.read) or [])
        with self._lock:
            self._reign = self._top_era = self._top_era + 1
            for lease in self._asked_for():
                self._note(lease)
                say(log, Level.INFO, "lease-presumed", address=str(lease.address), mac=lease.mac,
                    reason="the client asked for it, and the answer of the old dhcpd is not known")
            leases = sorted(self._book.values(), key=lambda lease: int(lease.address))
            self._serving = True
        self._try("write", lambda: self._file.write(leases))
        self._keep()
        say(log, Level.INFO, "leases-handed-over", count=len(leases), reign=self._reign)

    def after_stop(self, service: str) -> None:
        """Its last leases are with the peers before they hear that it has stopped."""
        if service != self._service or not self._serving:
            return
        self._end_of_service()
        try:
            done = asyncio.run_coroutine_threadsafe(
                self._stream.delivered(TOPIC, DELIVER_LIMIT_S), self._loop).result(2 * DELIVER_LIMIT_S)
        except (TimeoutError, RuntimeError):
            done = False
        if not done:
            say(log, Level.WARNING, "leases-undelivered", limit_s=DELIVER_LIMIT_S)

    def seen(self, service: str, state: ServiceState) -> None:
        """A look at the engine: somebody else may have started or ended it."""
        if service != self._service:
            return
        if state is ServiceState.RUNNING and not self._serving:
            self._serving = True
            self._call_loop(self.written)
        elif state is ServiceState.STOPPED and self._serving:
            self._end_of_service()

    def _end_of_service(self) -> None:
        self._read()
        self._serving = False

    def _asked_for(self) -> list[Lease]:
        """Leases that clients asked our dhcpd for, and that no stream has told of since."""
        since = self._now() - REQUEST_WINDOW_S
        found: dict[IPv4Address, Lease] = {}
        for request in self._requests():
            pool = next((pool for pool in self._pools if pool.first <= request.address <= pool.last), None)
            known = self._book.get(request.address)
            told = self._heard_at.get(request.address, -1.0) >= request.at
            foreign = request.server not in self._server_ids
            if pool is None or told or foreign or request.at < since:
                continue
            if known is not None and known.active and known.ends > self._wall() \
                    and known.mac != request.mac.hex(":"):
                continue  # dhcpd refused that: another client has it
            found[request.address] = declare(
                request.address, request.mac, at=self._wall(), lease_s=pool.lease_s, era=self._reign)
        return list(found.values())

    # In our thread ------------------------------------------------------------------------------

    def _load(self) -> None:
        """What an earlier life has kept, and what its dhcpd has written since."""
        kept, reign = self._try("load", self._store.load) or ([], 0)
        read = self._try("read", self._file.read) or []
        with self._lock:
            self._reign = reign
            self._top_era = max([self._top_era, reign, *(lease.era for lease in kept)])
            for lease in kept:
                if newer(self._book.get(lease.address), lease):
                    self._book[lease.address] = lease
            found = self._taken(read)
        self._loaded.set()
        with self._lock:
            mine = {lease.address: lease for lease in self._book.values() if lease.era == self._reign}
        mine |= {lease.address: lease for lease in found}
        self._call_loop(lambda: self._publish(list(mine.values())))

    def _read(self) -> None:
        self._reading = False
        with self._file_lock:
            found = self._try("read", self._file.read)
        if found:
            taken = self._taken(found)
            self._call_loop(lambda: self._publish(taken))

    def _taken(self, read: Sequence[Lease]) -> list[Lease]:
        """Own declarations into the book. What dhcpd only wrote down again keeps its era."""
        last = {lease.address: lease for lease in read}
        with self._lock:
            for lease in last.values():
                known = self._book.get(lease.address)
                mine = replace(lease, era=self._reign)
                same = known is not None and known.essence == lease.essence
                if not same and (self._serving or newer(known, mine)):
                    self._note(mine)
            return [self._book[address] for address in last]

    def _note(self, lease: Lease) -> None:
        self._book[lease.address] = lease
        self._unkept.add(lease.address)

    def _keep(self) -> None:
        with self._lock:
            changed = [self._book[address] for address in self._unkept]
            everything, reign = list(self._book.values()), self._reign
            self._unkept.clear()
        if changed and self._try("keep", lambda: self._store.append(changed, everything, reign)) is None:
            with self._lock:  # not kept: they come along with what changes next
                self._unkept |= {lease.address for lease in changed}

    # Inside -------------------------------------------------------------------------------------

    def _try(self, what: str, job: Callable[[], T]) -> T | None:
        """None when it failed; each kind of failure is said when it begins and when it ends."""
        try:
            result = job()
        except ResourceError as exc:
            if what not in self._faults:
                say(log, Level.ERROR, "leases-failed", what=what, resource=exc.resource, reason=exc.reason)
            self._faults[what] = str(exc)
            return None
        if self._faults.pop(what, None) is not None:
            say(log, Level.INFO, "leases-work-again", what=what)
        return result

    def _call_loop(self, job: Callable[[], None]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(job)
