"""Stall recovery: restarts connections that stall because a local queue is full, the services' and ours.

When hundreds send at once, the queue before a narrow link (for example a shaper's) drops most packets. A
connection with nothing in flight is then retried by the kernel twice a second, 15 times, and given up
(tcp(7), tcp_retries2, which counts such tries like probes of a closed window), and its client waits without
end. An acknowledgement from the client makes the kernel send at once and resets the count. So the client's
last acknowledgement is replayed to our kernel until something is in flight.

Only for connections that stalled in two scans: a server may hold back the last bytes for a moment (tcp(7),
TCP_CORK) and then close; a replay after that would be answered with a RST to the client.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from ipaddress import IPv4Address

from twinboot.errors import ResourceError
from twinboot.takeover.logic.record import ConnectionKey
from twinboot.takeover.logic.tcp import seq as sequence

from . import kernel_connections
from .tcp_probe import RawTcpSender

log = logging.getLogger(__name__)

SCAN_EVERY_S = 0.5
RETRY_EVERY_S = 0.1
"""Scan interval while a connection is stalled."""
SCAN_PAUSE_FACTOR = 50
"""The pause is at least this many times the duration of a scan: at most two per cent of a CPU."""
SequenceOrigin = Callable[[ConnectionKey], tuple[int, int] | None]


class StallRecovery:
    """Spawn run() once. sequence_origin: sequence numbers of client and server from which the
    kernel counts a connection's bytes (takeover.logic.tracker.ConnectionTracker.sequence_origin)."""

    def __init__(
        self, sender: RawTcpSender, addresses: Callable[[], set[IPv4Address]], sequence_origin: SequenceOrigin
    ) -> None:
        self._sender, self._addresses, self._sequence_origin = sender, addresses, sequence_origin
        self._stalled_before: dict[ConnectionKey, int] = {}
        """Connections stalled in the last scan -> bytes that their clients had acknowledged."""

    async def run(self) -> None:
        """Scan until cancelled."""
        while True:
            begun = time.perf_counter()
            found = self.scan()
            took = time.perf_counter() - begun
            await asyncio.sleep(max(RETRY_EVERY_S if found else SCAN_EVERY_S, SCAN_PAUSE_FACTOR * took))

    def scan(self) -> bool:
        """Replay the last ACK of each connection stalled since the last scan; whether any is stalled."""
        addresses = self._addresses()
        before, self._stalled_before = self._stalled_before, {}
        if not addresses:
            return False
        try:
            stalled = kernel_connections.stalled_connections(addresses)
        except ResourceError as exc:
            log.debug("%s", exc)
            return False
        self._stalled_before = {one.key: one.acked for one in stalled}
        for one in stalled:
            origin = self._sequence_origin(one.key)
            if origin is not None and before.get(one.key) == one.acked:
                seq, ack = sequence.add(origin[0], one.received), sequence.add(origin[1], one.acked)
                self._sender.replay_ack(one.key, seq, ack, one.window)
        return bool(stalled)
