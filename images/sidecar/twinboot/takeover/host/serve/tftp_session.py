"""Goes on with the TFTP downloads of an address that has come here; sees those of the addresses held.

Clients in the middle of a download repeat their last acknowledgement to a port where nobody is any more.
Here it is heard, and the next block comes from that very port. A client that is between two files asks the
TFTP service itself. What a download is stands in takeover.logic.protocols.tftp.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Callable
from ipaddress import IPv4Address

from twinboot.kernel.bpf import NOTHING
from twinboot.takeover.logic.protocols import tftp
from twinboot.takeover.logic.protocols.tftp import Client, Download, Downloads
from twinboot.takeover.logic.record import Key

from ..capture.tftp_capture import Packets, acknowledgements, requests
from ..published.boot_files import BootFiles

log = logging.getLogger(__name__)

LISTEN_S = 60.0
"""After a claim: PXELINUX's pauses grow to 14 s, and it gives up after 131 s."""
AGAIN_S = (0.5, 1.0, 2.0, 4.0, 8.0, 8.0)
MOST_AT_ONCE = 500

REMEMBERED_S = 10.0
"""The taker needs what was told of an address a while after it has left here."""
SWEEP_S = 30.0
TOLD_S, TOLD_AT_ONCE = 200.0, 400.0
"""Changes a second, and in a burst: of a flood of requests the peers hear so much."""
PACE_S = 0.02

Tell = Callable[[Key, bytes | None], None]
Started = Callable[[IPv4Address, dict[str, str | int | float]], None]


class Tftp:
    """tell: of each download seen here. started: of each that goes on here (its address, and facts)."""

    def __init__(self, interface: str, files: BootFiles, tell: Tell, started: Started) -> None:
        self._files, self._tell, self._started = files, tell, started
        self._held: set[IPv4Address] = set()
        self._peers: dict[str, dict[Key, Download]] = {}
        self._downloads = Downloads(files.look)
        self._seen, self._heard = Packets(interface), Packets(interface)
        self._waiting: dict[tuple[Client, IPv4Address], Download] = {}
        self._serving: dict[tuple[Client, IPv4Address], asyncio.Task[None]] = {}
        self._over: asyncio.TimerHandle | None = None
        self._sweeping: asyncio.TimerHandle | None = None
        self._pacing: asyncio.TimerHandle | None = None
        self._tokens, self._filled_at = TOLD_AT_ONCE, 0.0

    def start(self) -> None:
        """In the running loop."""
        self._loop = asyncio.get_running_loop()
        self._filled_at = self._loop.time()
        self._loop.add_reader(self._seen.fileno(), self._see)
        self._loop.add_reader(self._heard.fileno(), self._hear)
        self._sweep()

    def close(self) -> None:
        for one in (self._seen, self._heard):
            self._loop.remove_reader(one.fileno())
            one.close()
        for timer in (self._over, self._sweeping, self._pacing):
            if timer is not None:
                timer.cancel()
        for task in self._serving.values():
            task.cancel()

    def told_anew(self) -> None:
        """The agent is a new one: it knows nothing, and will tell of the peers."""
        self._peers.clear()
        for client, address, one in self._downloads.all():
            self._tell(_key(client, address), tftp.encode(one))

    def peer(self, name: str, key: Key, value: bytes | None) -> None:
        """A peer's record; without a name, one that the adopter before this one told of. ValueError: none."""
        table = self._peers.setdefault(name, {})
        if value is None:
            table.pop(key, None)
        elif key in table or len(table) < tftp.MOST:
            table[key] = one = tftp.decode(value)
            if not name:
                self._downloads.seed((key.client, key.client_port), key.server, one, self._loop.time())

    def forget_peer(self, name: str) -> None:
        self._peers.pop(name, None)

    def claimed(self, address: IPv4Address, holder: str) -> None:
        """The address is up here. holder: who had it last; empty when that is not known."""
        self._watch(self._held | {address})
        tables = [self._peers[holder]] if holder in self._peers else list(self._peers.values())
        self._waiting |= {
            ((key.client, key.client_port), address): one
            for table in tables for key, one in table.items() if key.server == address
        }
        self._listen()
        if self._over is not None:
            self._over.cancel()
        self._over = self._loop.call_later(LISTEN_S, self._end)

    def released(self, address: IPv4Address) -> None:
        """It is gone: others go on."""
        for key in [key for key in self._serving if key[1] == address]:
            self._serving.pop(key).cancel()
        self._waiting = {key: one for key, one in self._waiting.items() if key[1] != address}
        self._watch(self._held - {address})
        self._listen()
        self._loop.call_later(REMEMBERED_S, self._forget, address)

    # Inside -------------------------------------------------------------------------------------

    def _watch(self, addresses: set[IPv4Address]) -> None:
        self._held = set(addresses)
        self._seen.attach(requests(sorted(addresses)) if addresses else NOTHING)

    def _listen(self) -> None:
        addresses = sorted({address for _, address in self._waiting})
        self._heard.attach(acknowledgements(addresses) if addresses else NOTHING)

    def _forget(self, address: IPv4Address) -> None:
        if address not in self._held:
            self._downloads.release(address)
            self._tell_changes()

    def _sweep(self) -> None:
        self._sweeping = self._loop.call_later(SWEEP_S, self._sweep)
        self._downloads.expire(self._loop.time())
        self._tell_changes()

    def _end(self) -> None:
        self._waiting.clear()
        self._listen()

    def _see(self) -> None:
        for one in self._seen.read():
            self._downloads.see(one, self._held, self._loop.time())
        self._tell_changes()

    def _tell_changes(self) -> None:
        """At a bounded pace: what is left over waits for the next time."""
        now = self._loop.time()
        self._tokens = min(TOLD_AT_ONCE, self._tokens + (now - self._filled_at) * TOLD_S)
        self._filled_at = now
        for client, address, one in self._downloads.changes(int(self._tokens)):
            self._tokens -= 1
            self._tell(_key(client, address), tftp.encode(one) if one is not None else None)
        if self._downloads.waiting and self._pacing is None:
            self._pacing = self._loop.call_later(PACE_S, self._paced)

    def _paced(self) -> None:
        self._pacing = None
        self._tell_changes()

    def _hear(self) -> None:
        for one in self._heard.read():
            key = ((one.source, one.source_port), one.target)
            known = self._waiting.get(key)
            number = tftp.acknowledged(one.payload)
            if known is None or number is None or len(self._serving) >= MOST_AT_ONCE:
                continue
            del self._waiting[key]
            offset = known.offset(number)
            if offset is None or self._files.look(known.path) != (known.size, known.changed):
                log.debug("TFTP download of %s: %r is not equal here", one.source, known.path)
                continue
            try:
                sock = _opened(one)
            except OSError as exc:
                log.debug("TFTP download of %s: %s", one.source, exc)
                continue  # most of all, it is still served here
            task = asyncio.create_task(self._serve(sock, known, number, offset))
            self._serving[key] = task
            task.add_done_callback(lambda _done, name=key: self._serving.pop(name, None))  # type: ignore[misc]
            self._downloads.seed(key[0], one.target, known.at(offset), self._loop.time())
            self._started(one.target, {
                "client": f"{one.source}:{one.source_port}", "file": known.path.decode(errors="replace"),
                "offset": offset, "size": known.size,
            })
        self._tell_changes()

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


def _opened(one: tftp.Datagram) -> socket.socket:
    """The port that the client speaks to. OSError: somebody has it."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
    try:
        sock.bind((str(one.target), one.target_port))
        sock.connect((str(one.source), one.source_port))
    except OSError:
        sock.close()
        raise
    return sock


def _key(client: Client, address: IPv4Address) -> Key:
    """Its place in the table that the peers have: no connection has the server's port 69."""
    return Key(*client, address, tftp.PORT)


async def _send(sock: socket.socket, file: int, block_bytes: int, number: int, offset: int) -> None:
    """Block after block, until one is short and acknowledged, or the client answers no more."""
    while True:
        block = os.pread(file, block_bytes, offset)
        number = (number + 1) % tftp.ROUND
        if not await _block(sock, tftp.data(number, block), number) or len(block) < block_bytes:
            return
        offset += len(block)


async def _block(sock: socket.socket, packet: bytes, number: int) -> bool:
    """One block, again when it is not acknowledged in time; an acknowledgement of another one says nothing
    (or blocks would be sent twice for ever: RFC 1123 section 4.2.3.1)."""
    loop = asyncio.get_running_loop()
    for wait_s in AGAIN_S:
        with contextlib.suppress(BlockingIOError, ConnectionRefusedError):
            sock.send(packet)
        try:
            async with asyncio.timeout(wait_s):
                while True:
                    heard = await loop.sock_recv(sock, 64)
                    if tftp.acknowledged(heard) == number:
                        return True
                    if heard[:2] == b"\x00\x05":
                        return False  # an error: the client has ended it
        except TimeoutError:
            continue
    return False
