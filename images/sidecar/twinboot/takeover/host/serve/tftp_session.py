"""Takes over the TFTP downloads of an address that was claimed here; records those of the addresses held.

A client in the middle of a download repeats its last acknowledgement to a port of the dead server. It is
captured here, and the next block is sent from that port. A client between two files sends its next request
to the TFTP service. The state of a download is defined in takeover.logic.protocols.tftp.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Callable
from ipaddress import IPv4Address

from twinboot.kernel.bpf import DROP_ALL
from twinboot.takeover.logic.protocols import tftp
from twinboot.takeover.logic.protocols.tftp import Client, Download, Downloads
from twinboot.takeover.logic.record import ConnectionKey

from ..capture.tftp_capture import TftpSocket, acks_filter, requests_filter
from ..published.boot_files import BootFiles

log = logging.getLogger(__name__)

LISTEN_S = 60.0
"""After a claim: PXELINUX's pauses grow to 14 s, and it gives up after 131 s."""
RETRANSMIT_S = (0.5, 1.0, 2.0, 4.0, 8.0, 8.0)
MAX_SERVING = 500

KEEP_RELEASED_S = 10.0
"""The next holder needs the records of an address for a while after its release here."""
SWEEP_S = 30.0
SEND_RATE, SEND_BURST = 200.0, 400.0
"""Bound on changes sent to the peers, per second and in a burst, also in a flood of requests."""
PACE_S = 0.02

SendRecord = Callable[[ConnectionKey, bytes | None], None]
OnTakenOver = Callable[[IPv4Address, dict[str, str | int | float]], None]


class TftpTakeover:
    """send_record: called for each changed download. on_taken_over: for each taken over (address, fields)."""

    def __init__(
        self, interface: str, files: BootFiles, send_record: SendRecord, on_taken_over: OnTakenOver
    ) -> None:
        self._files, self._send_record, self._on_taken_over = files, send_record, on_taken_over
        self._addresses: set[IPv4Address] = set()
        self._peers: dict[str, dict[ConnectionKey, Download]] = {}
        self._downloads = Downloads(files.file_facts)
        self._requests_socket, self._acks_socket = TftpSocket(interface), TftpSocket(interface)
        self._waiting: dict[tuple[Client, IPv4Address], Download] = {}
        self._serving: dict[tuple[Client, IPv4Address], asyncio.Task[None]] = {}
        self._stop_listening_timer: asyncio.TimerHandle | None = None
        self._sweep_timer: asyncio.TimerHandle | None = None
        self._flush_timer: asyncio.TimerHandle | None = None
        self._tokens, self._filled_at = SEND_BURST, 0.0

    def start(self) -> None:
        """Start in the running loop."""
        self._loop = asyncio.get_running_loop()
        self._filled_at = self._loop.time()
        self._loop.add_reader(self._requests_socket.fileno(), self._on_requests)
        self._loop.add_reader(self._acks_socket.fileno(), self._on_acks)
        self._sweep()

    def close(self) -> None:
        for one in (self._requests_socket, self._acks_socket):
            self._loop.remove_reader(one.fileno())
            one.close()
        for timer in (self._stop_listening_timer, self._sweep_timer, self._flush_timer):
            if timer is not None:
                timer.cancel()
        for task in self._serving.values():
            task.cancel()

    def resend_all(self) -> None:
        """A new agent has connected: send all downloads; it will send the peers' records again."""
        self._peers.clear()
        for client, address, one in self._downloads.followed():
            self._send_record(_key(client, address), tftp.encode(one))

    def peer_record(self, name: str, key: ConnectionKey, value: bytes | None) -> None:
        """Store a peer's record; with an empty name, one of this server's previous takeover process.
        ValueError: malformed."""
        table = self._peers.setdefault(name, {})
        if value is None:
            table.pop(key, None)
        elif key in table or len(table) < tftp.MAX_DOWNLOADS:
            table[key] = one = tftp.decode(value)
            if not name:
                self._downloads.seed((key.client, key.client_port), key.server, one, self._loop.time())

    def forget_peer(self, name: str) -> None:
        self._peers.pop(name, None)

    def claimed(self, address: IPv4Address, holder: str) -> None:
        """The address is up here. holder: the server that had it last; empty when not known."""
        self._watch(self._addresses | {address})
        tables = [self._peers[holder]] if holder in self._peers else list(self._peers.values())
        self._waiting |= {
            ((key.client, key.client_port), address): one
            for table in tables for key, one in table.items() if key.server == address
        }
        self._listen()
        if self._stop_listening_timer is not None:
            self._stop_listening_timer.cancel()
        self._stop_listening_timer = self._loop.call_later(LISTEN_S, self._stop_listening)

    def released(self, address: IPv4Address) -> None:
        """The address is released: stop serving its downloads."""
        for key in [key for key in self._serving if key[1] == address]:
            self._serving.pop(key).cancel()
        self._waiting = {key: one for key, one in self._waiting.items() if key[1] != address}
        self._watch(self._addresses - {address})
        self._listen()
        self._loop.call_later(KEEP_RELEASED_S, self._forget, address)

    # Inside -------------------------------------------------------------------------------------

    def _watch(self, addresses: set[IPv4Address]) -> None:
        self._addresses = set(addresses)
        self._requests_socket.attach(requests_filter(sorted(addresses)) if addresses else DROP_ALL)

    def _listen(self) -> None:
        addresses = sorted({address for _, address in self._waiting})
        self._acks_socket.attach(acks_filter(addresses) if addresses else DROP_ALL)

    def _forget(self, address: IPv4Address) -> None:
        if address not in self._addresses:
            self._downloads.release(address)
            self._flush()

    def _sweep(self) -> None:
        self._sweep_timer = self._loop.call_later(SWEEP_S, self._sweep)
        self._downloads.expire(self._loop.time())
        self._flush()

    def _stop_listening(self) -> None:
        self._waiting.clear()
        self._listen()

    def _on_requests(self) -> None:
        for one in self._requests_socket.read():
            self._downloads.observe(one, self._addresses, self._loop.time())
        self._flush()

    def _flush(self) -> None:
        """Send changes within the rate limit; the rest is sent later."""
        now = self._loop.time()
        self._tokens = min(SEND_BURST, self._tokens + (now - self._filled_at) * SEND_RATE)
        self._filled_at = now
        for client, address, one in self._downloads.changes(int(self._tokens)):
            self._tokens -= 1
            self._send_record(_key(client, address), tftp.encode(one) if one is not None else None)
        if self._downloads.waiting and self._flush_timer is None:
            self._flush_timer = self._loop.call_later(PACE_S, self._flush_paced)

    def _flush_paced(self) -> None:
        self._flush_timer = None
        self._flush()

    def _on_acks(self) -> None:
        for one in self._acks_socket.read():
            key = ((one.source, one.source_port), one.target)
            known = self._waiting.get(key)
            number = tftp.acked_block(one.payload)
            if known is None or number is None or len(self._serving) >= MAX_SERVING:
                continue
            del self._waiting[key]
            offset = known.offset(number)
            if offset is None or self._files.file_facts(known.path) != (known.size, known.version):
                log.debug("TFTP download of %s: %r is not equal here", one.source, known.path)
                continue
            try:
                sock = _bind_to_client(one)
            except OSError as exc:
                log.debug("TFTP download of %s: %s", one.source, exc)
                continue  # usually because the download is still served here
            task = asyncio.create_task(self._serve(sock, known, number, offset))
            self._serving[key] = task
            task.add_done_callback(lambda _done, name=key: self._serving.pop(name, None))  # type: ignore[misc]
            self._downloads.seed(key[0], one.target, known.at(offset), self._loop.time())
            self._on_taken_over(one.target, {
                "client": f"{one.source}:{one.source_port}", "file": known.path.decode(errors="replace"),
                "offset": offset, "size": known.size,
            })
        self._flush()

    async def _serve(self, sock: socket.socket, known: Download, number: int, offset: int) -> None:
        with sock:
            found = self._files.open(known.path)
            if found is None:
                return
            try:
                await _send(sock, found, known.block_bytes, number, offset)
            except OSError as exc:
                log.debug("TFTP download of %r: %s", known.path, exc)
            finally:
                os.close(found)


def _bind_to_client(one: tftp.Datagram) -> socket.socket:
    """A socket on the port that the client sends to, connected to it. OSError: the port is in use."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
    try:
        sock.bind((str(one.target), one.target_port))
        sock.connect((str(one.source), one.source_port))
    except OSError:
        sock.close()
        raise
    return sock


def _key(client: Client, address: IPv4Address) -> ConnectionKey:
    """A download's key in the replicated table: no TCP connection has the server's port 69."""
    return ConnectionKey(*client, address, tftp.PORT)


async def _send(sock: socket.socket, file: int, block_bytes: int, number: int, offset: int) -> None:
    """Send block after block until a short one is acknowledged, or the client stops answering."""
    while True:
        block = os.pread(file, block_bytes, offset)
        number = (number + 1) % tftp.BLOCK_NUMBERS
        if not await _send_block(sock, tftp.data_packet(number, block), number) or len(block) < block_bytes:
            return
        offset += len(block)


async def _send_block(sock: socket.socket, packet: bytes, number: int) -> bool:
    """Send one block, again when it is not acknowledged in time. Acknowledgements of other blocks are ignored
    (sorcerer's apprentice bug, RFC 1123 section 4.2.3.1)."""
    loop = asyncio.get_running_loop()
    for wait_s in RETRANSMIT_S:
        with contextlib.suppress(BlockingIOError, ConnectionRefusedError):
            sock.send(packet)
        try:
            async with asyncio.timeout(wait_s):
                while True:
                    heard = await loop.sock_recv(sock, 64)
                    if tftp.acked_block(heard) == number:
                        return True
                    if heard[:2] == b"\x00\x05":
                        return False  # an error: the client has ended it
        except TimeoutError:
            continue
    return False
