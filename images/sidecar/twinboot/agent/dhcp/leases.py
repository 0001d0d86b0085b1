"""Leases of the whole cluster: what the own DHCP server grants goes to the peers, what theirs grant is kept
here, and a DHCP server that starts here starts with all of it.

Owns who may write the lease file when (see dhcp.base.LeaseFile): this server only while its DHCP server does
not run. Called from three threads: the loop (learn, publish), the services' (Keeper), and one of its own that
reads while the DHCP server writes. A term is the time that one DHCP server serves; its number says which of
two leases of an address is the later one, whatever the servers' clocks say.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address
from typing import TypeVar

from twinboot.alarms import Condition
from twinboot.core.effects import LogLevel
from twinboot.core.model import ServiceState
from twinboot.dhcp.base import LeaseFile
from twinboot.dhcp.journal import JournalContents
from twinboot.dhcp.lease import DhcpLease, LeaseState, active_lease, is_newer, taken_from_file
from twinboot.dhcp.lease_codec import decode_lease, encode_lease
from twinboot.errors import ResourceError
from twinboot.log import log_event
from twinboot.replication.node import RowChange, TableReset

from ..settings import DhcpPool
from ..worker import Worker
from . import presumed
from .lease_parts import LeaseJournal, Replicator
from .presumed import SnoopedRequest
from .ranges import exhausted

log = logging.getLogger(__name__)

T = TypeVar("T")

TABLE = "leases"
MAX_LEASES = 20_000
REPLICATION_LIMIT_S = 0.3
"""A planned move waits so long for the peers to have the last lease."""
_LOAD_LIMIT_S = 1.0
_SAVE_EVERY_S = 0.5


class ClusterLeases:
    """The ServiceData (agent.health.services) of the DHCP server. engine: its kind's name; service: what runs
    it. Build and start it in the running loop."""

    def __init__(
        self,
        *,
        file: LeaseFile,
        engine: str,
        service: str,
        journal: LeaseJournal,
        replicator: Replicator,
        pools: Sequence[DhcpPool],
        server_ids: frozenset[IPv4Address],
        requests: Callable[[], Sequence[SnoopedRequest]],
        now: Callable[[], float],
        wall: Callable[[], float],
    ) -> None:
        self._file, self._engine, self._journal, self._replicator = file, engine, journal, replicator
        self._pools, self._server_ids, self._requests = pools, server_ids, requests
        self._now, self._wall, self._service = now, wall, service
        self._loop = asyncio.get_running_loop()
        self._worker = Worker("leases")
        self._lock = threading.RLock()
        self._file_lock = threading.Lock()
        self._loaded = threading.Event()
        self._leases: dict[IPv4Address, DhcpLease] = {}
        self._learnt_at: dict[IPv4Address, float] = {}
        self._published: set[IPv4Address] = set()
        self._unsaved: set[IPv4Address] = set()
        self._term = 0
        self._highest_epoch = 0
        self._serving = False
        """The file is the DHCP server's; else it is ours."""
        self._reading = False
        self._save_timer: asyncio.TimerHandle | None = None
        self._faults: dict[str, str] = {}

    @property
    def fault(self) -> str:
        """Why leases cannot be kept, or empty."""
        return "; ".join(self._faults.copy().values())

    @property
    def serves_here(self) -> bool:
        """Whether the DHCP server ran on this server at the last look."""
        return self._serving

    def exhausted_ranges(self) -> list[Condition]:
        return exhausted(self._pools, self._leases.copy().values(), self._wall())

    def leased(self) -> list[str]:
        """Addresses that some machine has for now, or that somebody else was found to use."""
        now, known = self._wall(), self._leases.copy().values()
        return [
            str(one.address) for one in known
            if one.state is LeaseState.DECLINED or (one.active and one.ends_at > now)
        ]  # fmt: skip

    def __len__(self) -> int:
        return len(self._leases)

    def start(self) -> None:
        self._worker.submit(self._load)

    def close(self) -> None:
        if self._save_timer is not None:
            self._save_timer.cancel()
        self._worker.submit(self._save)
        self._worker.close(1.0)

    # On the loop --------------------------------------------------------------------------------

    def apply_change(self, change: TableReset | RowChange) -> None:
        """A peer's table changed. What it takes back it has from another peer by now."""
        if isinstance(change, TableReset) or change.value is None:
            return
        try:
            lease = decode_lease(change.value)
            if lease.address.packed != change.key:
                raise ValueError(f"the key of another address than {lease.address}")
        except ValueError as exc:
            log_event(log, LogLevel.WARNING, "lease-refused", peer=change.peer, reason=str(exc))
            return
        with self._lock:
            self._highest_epoch = max(self._highest_epoch, lease.epoch)
            if not is_newer(self._leases.get(lease.address), lease):
                return
            self._learnt_at[lease.address] = self._now()
            self._put(lease)
        self._save_later()
        if lease.address in self._published:
            self._published.discard(lease.address)
            self._replicator.remove(TABLE, change.key)

    def file_changed(self) -> None:
        """Something in the lease file's folder was written. Reads wait for the disk: in the thread."""
        if self._serving and not self._reading:
            self._reading = True
            self._worker.submit(self._read)

    def _publish(self, leases: Sequence[DhcpLease]) -> None:
        for lease in leases:
            if self._replicator.put(TABLE, lease.address.packed, encode_lease(lease)):
                self._published.add(lease.address)
        self._save_later()

    def _save_later(self) -> None:
        def due() -> None:
            self._save_timer = None
            self._worker.submit(self._save)

        if self._save_timer is None:
            self._save_timer = self._loop.call_later(_SAVE_EVERY_S, due)

    # In the services' thread --------------------------------------------------------------------

    def serving(self, service: str) -> bool:
        """Whether the service ran here at the last look."""
        return service == self._service and self._serving

    def before_start(self, service: str) -> None:
        """Give the DHCP server all leases to start with."""
        if service != self._service or self._serving:
            return
        self._loaded.wait(_LOAD_LIMIT_S)
        with self._file_lock:
            # The last words of a DHCP server of an earlier life.
            self._merge_own(self._attempt("read", self._file.read) or [])
        with self._lock:
            self._term = self._highest_epoch = self._highest_epoch + 1
            for lease in self._presumed():
                self._put(lease)
                log_event(log, LogLevel.INFO, "lease-presumed", address=str(lease.address), mac=lease.mac,
                    reason="the client asked for it, and the answer of the old DHCP server is not known")
            leases = sorted(self._leases.values(), key=lambda lease: int(lease.address))
            self._serving = True
        self._attempt("write", lambda: self._file.write(leases))
        self._save()
        log_event(log, LogLevel.INFO, "leases-handed-over", count=len(leases), term=self._term)

    def after_stop(self, service: str) -> None:
        """Its last leases are with the peers before they hear that it has stopped."""
        if service != self._service or not self._serving:
            return
        self._stop_serving()
        try:
            done = asyncio.run_coroutine_threadsafe(
                self._replicator.delivered(TABLE, REPLICATION_LIMIT_S), self._loop
            ).result(2 * REPLICATION_LIMIT_S)
        except (TimeoutError, RuntimeError):
            done = False
        if not done:
            log_event(log, LogLevel.WARNING, "leases-undelivered", limit_s=REPLICATION_LIMIT_S)

    def observed(self, service: str, state: ServiceState) -> None:
        """A look at the engine: somebody else may have started or ended it."""
        if service != self._service:
            return
        if state is ServiceState.RUNNING and not self._serving:
            self._serving = True
            self._call_loop(self.file_changed)
        elif state is ServiceState.STOPPED and self._serving:
            self._stop_serving()

    def _stop_serving(self) -> None:
        self._read()
        self._serving = False

    def _presumed(self) -> list[DhcpLease]:
        """Leases that clients asked our DHCP server for, and that no peer has told of since."""
        asked = presumed.requests_granted(
            self._requests(), self._leases, self._learnt_at, pools=self._pools, server_ids=self._server_ids,
            now=self._now(), wall=self._wall())
        return [active_lease(request.address, request.mac, at=self._wall(), lease_s=pool.lease_s,
                             epoch=self._term) for request, pool in asked]

    # In our thread ------------------------------------------------------------------------------

    def _load(self) -> None:
        """What an earlier life has kept, and what its DHCP server has written since."""
        journal = self._attempt("load", self._journal.load) or JournalContents()
        kept, term = journal.leases, journal.term
        if journal.ignored:
            log_event(log, LogLevel.WARNING, "lease-journal-ignored", reason=journal.ignored)
        read = self._attempt("read", self._file.read) or []
        with self._lock:
            self._term = term
            self._highest_epoch = max([self._highest_epoch, term, *(lease.epoch for lease in kept)])
            for lease in kept:
                if is_newer(self._leases.get(lease.address), lease):
                    self._leases[lease.address] = lease
            found = self._merge_own(read)
        self._loaded.set()
        with self._lock:
            mine = {lease.address: lease for lease in self._leases.values() if lease.epoch == self._term}
        mine |= {lease.address: lease for lease in found}
        self._call_loop(lambda: self._publish(list(mine.values())))

    def _read(self) -> None:
        self._reading = False
        with self._file_lock:
            found = self._attempt("read", self._file.read)
        if found:
            taken = self._merge_own(found)
            self._call_loop(lambda: self._publish(taken))

    def _merge_own(self, read: Sequence[DhcpLease]) -> list[DhcpLease]:
        """Own leases into the book. What the DHCP server only wrote down again stays as it is known."""
        last, at = {lease.address: lease for lease in read}, int(self._wall())
        with self._lock:
            for lease in last.values():
                known = self._leases.get(lease.address)
                mine = taken_from_file(lease, known, engine=self._engine, holds=self._file.holds,
                                       epoch=self._term, at=at)
                if mine is not known and (self._serving or is_newer(known, mine)):
                    self._put(mine)
            return [self._leases[address] for address in last]

    def _put(self, lease: DhcpLease) -> None:
        self._leases[lease.address] = lease
        self._unsaved.add(lease.address)

    def _save(self) -> None:
        with self._lock:
            changed = [self._leases[address] for address in self._unsaved]
            everything, term = list(self._leases.values()), self._term
            self._unsaved.clear()
        if changed and self._attempt("keep", lambda: self._journal.append(changed, everything, term)) is None:
            with self._lock:  # not kept: they come along with what changes next
                self._unsaved |= {lease.address for lease in changed}

    # Inside -------------------------------------------------------------------------------------

    def _attempt(self, what: str, job: Callable[[], T]) -> T | None:
        """None when it failed; each kind of failure is said when it begins and when it ends."""
        try:
            result = job()
        except ResourceError as exc:
            if what not in self._faults:
                log_event(
                    log, LogLevel.ERROR, "leases-failed", what=what, resource=exc.resource, reason=exc.reason
                )
            self._faults[what] = str(exc)
            return None
        if self._faults.pop(what, None) is not None:
            log_event(log, LogLevel.INFO, "leases-work-again", what=what)
        return result

    def _call_loop(self, job: Callable[[], None]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(job)
