"""Records the TFTP downloads of the addresses held here, and tells the peers within a limit.

Begin and end of a download, and what was agreed on, go first; where the clients are has what is left of the
limit. A download is over when the server's port is closed (takeover.logic.protocols.tftp tracks the rest).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from ipaddress import IPv4Address

from twinboot.core.effects import LogLevel
from twinboot.kernel.bpf import DROP_ALL
from twinboot.log import log_event
from twinboot.takeover.logic.protocols import tftp, tftp_download
from twinboot.takeover.logic.protocols.tftp import Client, Downloads
from twinboot.takeover.logic.protocols.tftp_download import Download
from twinboot.takeover.logic.protocols.tftp_packets import PORT
from twinboot.takeover.logic.protocols.tftp_peers import WATCH_EVERY_S, Known, Watch, encode_watch, watch_key
from twinboot.takeover.logic.record import ConnectionKey

from ..kernel_connections import open_udp_ports
from .tftp_capture import TftpSocket, requests_filter

log = logging.getLogger(__name__)

LOOK_S = 2.0
"""Between two looks at which of the server's ports are open."""
SEND_RATE, SEND_BURST = 200.0, 400.0
"""Bound on changes sent to the peers, per second and in a burst, also in a flood of requests."""
FOR_CHANGES = 200.0
"""This part of the burst is not for positions: a storm of downloads must not delay the next one's
beginning."""
PACE_S = 0.02

SendRecord = Callable[[ConnectionKey, bytes | None], None]


class TftpRecorder:
    """send_record: called for each changed download. addresses: those held here."""

    def __init__(self, interface: str, file_facts: tftp.FileFactsOf, send_record: SendRecord) -> None:
        self.addresses: set[IPv4Address] = set()
        self.downloads = Downloads(file_facts)
        self._send_record = send_record
        self._socket = TftpSocket(interface)
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._watched: set[IPv4Address] = set()
        self._said: set[str] = set()
        self._tokens, self._filled_at = SEND_BURST, 0.0

    def start(self) -> None:
        """Start in the running loop."""
        self._loop = asyncio.get_running_loop()
        self._filled_at = self._loop.time()
        self._loop.add_reader(self._socket.fileno(), self.read)
        self._look()
        self._watch()

    def close(self) -> None:
        self._loop.remove_reader(self._socket.fileno())
        self._socket.close()
        for timer in self._timers.values():
            timer.cancel()

    def resend_all(self) -> None:
        """A new agent has connected: send all downloads."""
        for client, address, one in self.downloads.followed():
            self._send_record(_key(client, address), tftp_download.encode(one))

    def hold(self, addresses: set[IPv4Address]) -> None:
        """Record the downloads of these addresses from now on."""
        self.addresses = set(addresses)
        self._socket.attach(requests_filter(sorted(addresses)) if addresses else DROP_ALL)

    def seed(self, client: Client, address: IPv4Address, one: Download) -> None:
        """Record a download that was taken over here."""
        self.downloads.seed(client, address, one, self._loop.time())

    def known_of(self, address: IPv4Address) -> list[Known]:
        """The downloads of the address as they are now."""
        untold = self.downloads.untold_blocks(address)
        reach = untold[0] if untold is not None else None
        return [Known(client, one, reach) for client, here, one in self.downloads.followed()
                if here == address]

    def forget(self, address: IPv4Address) -> None:
        """Forget the downloads of an address that was released."""
        if address not in self.addresses:
            self.downloads.release(address)
            self._withdraw_watch(address)
            self.flush()

    def read(self) -> None:
        """Process what was captured."""
        for one in self._socket.read():
            self.downloads.observe(one, self.addresses, self._loop.time())
        self.flush()

    def flush(self, *, everything: bool = False) -> None:
        """Send changes within the rate limit; the rest is sent later."""
        now = self._loop.time()
        self._tokens = min(SEND_BURST, self._tokens + (now - self._filled_at) * SEND_RATE)
        self._filled_at = now
        limit = tftp.MAX_DOWNLOADS if everything else 0
        for client, address, one in self.downloads.changes(limit or int(self._tokens)):
            self._send(client, address, one)
        for client, address, one in self.downloads.progress(limit or int(max(0, self._tokens - FOR_CHANGES))):
            self._send(client, address, one)
        if self.downloads.waiting and "flush" not in self._timers:
            self._timers["flush"] = self._loop.call_later(PACE_S, self._flush_later)

    def flush_all(self, address: IPv4Address) -> None:
        """The address moves to a peer: tell it all that was captured."""
        self.read()
        self.flush(everything=True)
        self._tell_watch(address)

    def _flush_later(self) -> None:
        del self._timers["flush"]
        self.flush()

    def _send(self, client: Client, address: IPv4Address, one: Download | None) -> None:
        self._tokens -= 1
        self._send_record(_key(client, address), tftp_download.encode(one) if one is not None else None)

    def _look(self) -> None:
        self._timers["look"] = self._loop.call_later(LOOK_S, self._look)
        self.downloads.expire(self._loop.time())
        ports = open_udp_ports()
        if ports is not None:
            self.downloads.ended(ports)
        for reason in self.downloads.refused.keys() - self._said:
            self._said.add(reason)
            log_event(log, LogLevel.WARNING, "tftp-not-followed", reason=reason)
        self.flush()

    def _watch(self) -> None:
        """Tell the peers that downloads which roll over are watched, and send positions that had to wait."""
        self._timers["watch"] = self._loop.call_later(WATCH_EVERY_S, self._watch)
        self.downloads.look(self._loop.time())
        self.flush()
        for address in self.addresses:
            self._tell_watch(address)

    def _tell_watch(self, address: IPv4Address) -> None:
        untold = self.downloads.untold_blocks(address)
        if untold is None:
            self._withdraw_watch(address)
        else:
            self._watched.add(address)
            blocks, blocks_per_s = untold
            watch = Watch(blocks, self._loop.time(), blocks_per_s)
            self._send_record(watch_key(address), encode_watch(watch))

    def _withdraw_watch(self, address: IPv4Address) -> None:
        if address in self._watched:
            self._watched.discard(address)
            self._send_record(watch_key(address), None)


def _key(client: Client, address: IPv4Address) -> ConnectionKey:
    """A download's key in the replicated table: no TCP connection has the server's port 69."""
    return ConnectionKey(*client, address, PORT)
