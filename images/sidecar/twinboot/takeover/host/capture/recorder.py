"""Records the connections of the addresses held here: sends each changed record to the agent at once.

A response whose record was not sent is lost when the server dies, so changes are not batched. Owns the rate
limit: in a flood at most SEND_RATE records a second are sent, the newest of each connection, handshakes last.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from ipaddress import IPv4Address
from typing import Protocol

from twinboot.errors import ResourceError
from twinboot.takeover.logic.record import ConnectionKey, ConnectionKind, ConnectionRecord
from twinboot.takeover.logic.tcp.segment import ACK, FIN, SYN, Segment
from twinboot.takeover.logic.tracker import ConnectionTracker
from twinboot.wire.ipc.takeover import ReportCounter, counters

from ....kernel.nflog import NetfilterLog
from .. import kernel_connections
from ..input_hold import InputHold
from .capture import Capture

log = logging.getLogger(__name__)

RECONCILE_EVERY_S = 2.0
SEND_RATE = 2000.0
SEND_BURST = 5000
"""A crowd that connects at once is told of at once."""
PACE_S = 0.02
OVERRUN_S = 60.0
LOST = "segments of connections came faster than they were read: some connections are known in part"
LEFT_OUT = "there were more connections than are followed: the oldest would be reset"

SendRecord = Callable[[ConnectionKey, ConnectionRecord | None], None]


class ConnectionHooks(Protocol):
    """What moves must know of the connections: claim.moves.MoveHandler."""

    def client_connects(self, key: ConnectionKey) -> None: ...
    def client_accepts(self, key: ConnectionKey) -> None: ...
    def client_closes(self, one: Segment) -> None: ...


class ConnectionRecorder:
    """capture: None where connections cannot be captured; no record is sent then."""

    def __init__(
        self,
        capture: Capture | None,
        tracker: ConnectionTracker,
        send_record: SendRecord,
        input_hold: InputHold,
        netfilter_log: NetfilterLog | None,
        hooks: ConnectionHooks,
    ) -> None:
        """netfilter_log: the packets for the input hold; None where nothing is held.

        hooks: called before a segment is processed further."""
        self._capture, self.tracker, self._send_record, self._input_hold = (
            capture,
            tracker,
            send_record,
            input_hold,
        )
        self._netfilter_log, self._hooks = netfilter_log, hooks
        self._tokens, self._filled_at = float(SEND_BURST), 0.0
        self._flush_timer: asyncio.TimerHandle | None = None
        self._reconcile_task: asyncio.Task[None] | None = None
        self._overrun_at: dict[str, float] = {}
        """Time of the last overrun of each kind."""
        self._evicted = 0

    def tasks(self) -> list[asyncio.Task[None]]:
        """What runs from start() until close(), and ends before that only by a fault."""
        return [self._reconcile_task] if self._reconcile_task is not None else []

    def start(self) -> None:
        """Start in the running loop."""
        loop = asyncio.get_running_loop()
        self._filled_at = loop.time()
        self.tracker.on_change = self._flush_soon
        if self._capture is not None:
            loop.add_reader(self._capture.fileno(), self.on_packets)
            if self._netfilter_log is not None:
                loop.add_reader(self._netfilter_log.fileno(), self.on_packets)
            self._reconcile_task = loop.create_task(self._reconcile())

    def close(self) -> None:
        if self._reconcile_task is not None:
            self._reconcile_task.cancel()
        if self._flush_timer is not None:
            self._flush_timer.cancel()
        if self._capture is not None:
            asyncio.get_running_loop().remove_reader(self._capture.fileno())
            self._capture.close()
        if self._netfilter_log is not None:
            asyncio.get_running_loop().remove_reader(self._netfilter_log.fileno())
            self._netfilter_log.close()
        self._input_hold.close()

    def set_addresses(self, addresses: set[IPv4Address]) -> None:
        """Record the connections of these addresses from now on."""
        self.tracker.addresses = set(addresses)
        if self._capture is not None:
            self._capture.set_addresses(sorted(addresses))
            self._input_hold.set_addresses(addresses)

    def on_packets(self) -> None:
        """Process the packets captured since the last call, and send the changed records."""
        if self._capture is None:
            return
        try:
            for segment in self._capture.read():
                self._observe(segment)
        except ResourceError as exc:
            log.warning("%s", exc)
        # Packets dropped for the input hold were mostly captured just now; the log comes a little later.
        for packet in self._netfilter_log.read() if self._netfilter_log is not None else ():
            held = self._input_hold.hold(packet)
            if held is not None:
                self._observe(held)
                self.tracker.hurry(ConnectionKey.of_client(held))
        self._flush_held()

    def _observe(self, segment: Segment) -> None:
        if segment.flags & (SYN | ACK) == SYN:
            self._hooks.client_connects(ConnectionKey.of_client(segment))
        elif segment.source in self.tracker.addresses:
            self._input_hold.server_answered()
        elif segment.flags & SYN:
            self._hooks.client_accepts(ConnectionKey.of_client(segment))
        elif segment.flags & FIN and ConnectionKey.of_client(segment) not in self.tracker:
            self._hooks.client_closes(segment)
        self.tracker.segment(segment)

    def flush(self, *, everything: bool = False) -> None:
        """Send changed records within the rate limit (`everything`: all of them, now)."""
        now = asyncio.get_running_loop().time()
        self._tokens = min(float(SEND_BURST), self._tokens + (now - self._filled_at) * SEND_RATE)
        self._filled_at = now
        most = self.tracker.waiting
        if not everything:
            # The last half of the burst is reserved for urgent changes.
            most = min(most, max(int(self._tokens - SEND_BURST / 2),
                                 min(int(self._tokens), self.tracker.urgent)))
        self._tokens = max(0.0, self._tokens - most)
        for key, record in self.tracker.changes(most):
            self._send_record(key, record)
        if self.tracker.waiting and self._flush_timer is None:
            self._flush_timer = asyncio.get_running_loop().call_later(PACE_S, self._flush_paced)

    def note_progress(self, address: IPv4Address) -> None:
        """Record how much the clients of this address have acknowledged; frozen, they get no farther."""
        try:
            self.tracker.note_progress(kernel_connections.list_connections({address}))
        except ResourceError as exc:
            log.debug("%s", exc)

    @property
    def overrun(self) -> str:
        """What came within OVERRUN_S that was too much, for a person; empty: nothing."""
        now = asyncio.get_running_loop().time()
        return ", and ".join(what for what, at in self._overrun_at.items() if now < at + OVERRUN_S)

    def followed(self) -> dict[str, float]:
        """Connections by service."""
        counts = self.tracker.counts()
        return {
            "ftp": counts[ConnectionKind.FTP_CONTROL],
            "ftp-data": counts[ConnectionKind.FTP_DATA],
            "http": counts[ConnectionKind.HTTP],
        }

    def counts(self) -> dict[ReportCounter, float]:
        """How much there is to see, for status and metrics."""
        return {
            counters.LEFT_OUT: self.tracker.evicted,
            counters.SEGMENTS: self._capture.segments if self._capture is not None else 0,
            counters.FRAMES_LOST: self._capture.lost_frames if self._capture is not None else 0,
            **self._input_hold.counts(),
        }

    def _flush_soon(self) -> None:
        """Send the changes without waiting for a segment: bulk data is not captured, so none may come."""
        if self._flush_timer is None:
            self._flush_timer = asyncio.get_running_loop().call_later(0.0, self._flush_paced)

    def _flush_paced(self) -> None:
        self._flush_timer = None
        self._flush_held()

    def _flush_held(self) -> None:
        """Send changed records; input whose record was sent waits for the peers, the rest for its record."""
        self.flush()
        if self._netfilter_log is not None:
            self._input_hold.close_batch(self.tracker.is_waiting)

    async def _reconcile(self) -> None:
        """Every RECONCILE_EVERY_S: compare with the kernel's connections, and count lost frames."""
        while True:
            await asyncio.sleep(RECONCILE_EVERY_S)
            assert self._capture is not None
            try:
                if self.tracker.addresses:
                    self.on_packets()
                    self.tracker.reconcile(kernel_connections.list_connections(
                        self.tracker.addresses, ending=True, beginning=True))
                    self.flush()
                lost = self._capture.count_lost()
            except ResourceError as exc:
                log.warning("%s", exc)
                continue
            self._note_overrun(lost)
            if lost:
                log.warning("%d frames were not seen: some connections may be known in part", lost)

    def _note_overrun(self, lost: int) -> None:
        """lost: frames that were not seen since the last call."""
        now = asyncio.get_running_loop().time()
        if lost:
            self._overrun_at[LOST] = now
        if self.tracker.evicted > self._evicted:
            self._overrun_at[LEFT_OUT] = now
        self._evicted = self.tracker.evicted
