"""The records of machines on this server's disk, and the links for their boot loaders: a thread writes both.

What a machine is told waits for the disk (promised()) and is written at once, and so is a link. How far an
install is comes many times a second from all machines together, and is written with what comes meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Protocol

from twinboot.adapters.steer_links import Way
from twinboot.core.effects import LogLevel
from twinboot.errors import ResourceError
from twinboot.log import log_event
from twinboot.machines.record import Record, decode

from ..worker import Worker
from .steering import LOOK_S, Steering

log = logging.getLogger(__name__)

PAUSE_S = 0.25
"""So much later is written what nobody waits for; the peers have it at once."""
_RETRY_S = 2.0
_CLOSE_LIMIT_S = 1.0


class Store(Protocol):
    """adapters.machine_store.MachineStore, or a stand-in."""

    def read(self) -> dict[str, bytes]: ...
    def write(self, records: Mapping[str, bytes]) -> None: ...
    def close(self) -> None: ...


class Links(Protocol):
    """adapters.steer_links.SteerLinks, or a stand-in."""

    def set(self, ways: Mapping[str, Way]) -> None: ...
    def keep_only(self, hosts: Iterable[str]) -> None: ...


class Disk:
    """took: called on the loop with what the disk held at the start. puts: how many records were put; of
    those up to `written` are on the disk. Build it in the running loop."""

    def __init__(self, store: Store, links: Links, steering: Steering,
                 took: Callable[[Mapping[str, Record]], None]) -> None:
        self._store, self._links, self._steering, self._took = store, links, steering, took
        self._loop = asyncio.get_running_loop()
        self._worker = Worker("machines")
        self._to_write: dict[str, bytes] = {}
        self._promised = 0
        self._busy = False
        self._later: asyncio.TimerHandle | None = None
        self.loaded = False
        self.fault = ""
        self.puts = self.written = 0

    def start(self) -> None:
        self._worker.submit(self._load)

    def close(self) -> None:
        """Writes what waits, and closes."""
        if self._later is not None:
            self._later.cancel()
        if self.loaded and self._to_write:
            records, self._to_write = self._to_write, {}
            self._worker.submit(lambda: self._store.write(records))
        self._worker.submit(self._store.close)
        self._worker.close(_CLOSE_LIMIT_S)

    def put(self, name: str, data: bytes) -> None:
        """A record is another; write() has it written."""
        self._to_write[name] = data
        self.puts += 1

    @contextlib.contextmanager
    def promised(self) -> Iterator[None]:
        """Somebody waits for what was put."""
        self._promised += 1
        self.write()
        try:
            yield
        finally:
            self._promised -= 1

    def keep_only(self, hosts: Iterable[str]) -> None:
        """Removes the links of all other hosts."""
        self._worker.submit(lambda: self._links.keep_only(hosts))

    def write(self) -> None:
        """One job of the thread at a time: what comes meanwhile goes with the next."""
        links = self._steering.has_work
        if self._busy or not (self._to_write or links) or (self._to_write and not self.loaded):
            return
        if not links and not self._promised:
            if self._later is None:
                self._later = self._loop.call_later(PAUSE_S, self._now)
            return
        self._now()

    # On the loop --------------------------------------------------------------------------------

    def _now(self) -> None:
        if self._later is not None:
            self._later.cancel()
            self._later = None
        if self._busy:
            return
        records, self._to_write = self._to_write, {}
        links, number = self._steering.take(), self.puts
        self._busy = True
        self._worker.submit(lambda: self._work(number, records, links))

    def _worked(
        self, number: int, fault: str, records: Mapping[str, bytes], links: dict[str, Way]
    ) -> None:
        """What failed is tried again, unless something newer is to be written."""
        self._busy = False
        if fault and fault != self.fault:
            log_event(log, LogLevel.ERROR, "machines-not-kept", reason=fault)
        self.fault = fault
        if not fault:
            self.written = number
            self.write()
            return
        self._to_write = {**records, **self._to_write}
        self._steering.give_back(links)

    def _take(self, records: Mapping[str, Record] | None, fault: str) -> None:
        self.fault = fault
        if records is None:
            log_event(log, LogLevel.ERROR, "machines-not-kept", reason=fault)
            self._loop.call_later(_RETRY_S, self._worker.submit, self._load)
            return
        self._took(records)
        self.loaded = True
        self.write()

    # In the thread ------------------------------------------------------------------------------

    def _load(self) -> None:
        try:
            found = {name: decode(data) for name, data in self._store.read().items()}
        except (ResourceError, ValueError) as exc:
            fault = str(exc)
            self._post(lambda: self._take(None, fault))
            return
        self._post(lambda: self._take(found, ""))

    def _work(self, number: int, records: Mapping[str, bytes], links: dict[str, Way]) -> None:
        fault = ""
        try:
            if links:
                self._links.set(links)
            if records:
                self._store.write(records)
        except ResourceError as exc:
            fault = str(exc)
            time.sleep(LOOK_S)
        self._post(lambda: self._worked(number, fault, records, links))

    def _post(self, call: Callable[[], None]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(call)
