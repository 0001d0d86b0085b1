"""Helps connections past a full queue of this server's own: its services' as well as those taken over.

When hundreds send at once, the queue before a narrow link (a shaper's, say) throws most away. A connection
that has nothing on its way is then tried again by the kernel twice a second, 15 times, and given up (tcp(7),
tcp_retries2, which counts such tries like probes of a closed window): its client waits for ever. A word from
the client makes the kernel try at once and count from the beginning. So what each such client has said last
is said to our kernel once more, again and again until something is on its way.

Only of those that have stood still for two looks: a server may hold back the last bytes for a moment
(tcp(7), TCP_CORK), and then all is over; a word that comes too late would be refused, and the client see it.
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
"""While somebody is stuck."""
SCAN_PAUSE_FACTOR = 50
"""Times what a look takes: looking costs two per cent of a processor at most."""
SequenceOrigin = Callable[[ConnectionKey], tuple[int, int] | None]


class StallRecovery:
    """run() is to be spawned once. begins: sequence numbers of client and server from which the kernel
    counts a connection's bytes (takeover.logic.tracker.Tracker.begins)."""

    def __init__(
        self, sender: RawTcpSender, addresses: Callable[[], set[IPv4Address]], sequence_origin: SequenceOrigin
    ) -> None:
        self._sender, self._addresses, self._sequence_origin = sender, addresses, sequence_origin
        self._stalled_before: dict[ConnectionKey, int] = {}
        """Those of the last look: how much their clients had."""

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            begun = time.perf_counter()
            found = self.scan()
            took = time.perf_counter() - begun
            await asyncio.sleep(max(RETRY_EVERY_S if found else SCAN_EVERY_S, SCAN_PAUSE_FACTOR * took))

    def scan(self) -> bool:
        """Is anybody stuck?"""
        addresses = self._addresses()
        before, self._stalled_before = self._stalled_before, {}
        if not addresses:
            return False
        try:
            stuck = kernel_connections.stalled_connections(addresses)
        except ResourceError as exc:
            log.debug("%s", exc)
            return False
        self._stalled_before = {one.key: one.acked for one in stuck}
        for one in stuck:
            begins = self._sequence_origin(one.key)
            if begins is not None and before.get(one.key) == one.acked:
                seq, ack = sequence.add(begins[0], one.received), sequence.add(begins[1], one.acked)
                self._sender.replay_ack(one.key, seq, ack, one.window)
        return bool(stuck)
