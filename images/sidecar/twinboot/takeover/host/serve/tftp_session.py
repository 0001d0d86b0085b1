"""Takes over the TFTP downloads of an address that was claimed here.

A client in the middle of a download repeats its last acknowledgement to a port of the dead server: it is
captured here, and the next block is sent from that port. After SPEAK_AFTER_S those that have said nothing are
spoken to first (takeover.logic.protocols.tftp_sender says how). A client between two files sends its next
request to the TFTP service. Recording is capture.tftp_recorder's.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv4Address

from twinboot.kernel.bpf import DROP_ALL
from twinboot.takeover.logic.protocols.tftp import Key
from twinboot.takeover.logic.protocols.tftp_download import BLOCK_NUMBERS
from twinboot.takeover.logic.protocols.tftp_packets import acked_number
from twinboot.takeover.logic.protocols.tftp_peers import Known, PeerDownloads
from twinboot.takeover.logic.protocols.tftp_sender import LISTEN_S, Sender
from twinboot.takeover.logic.record import ConnectionKey

from ..capture.tftp_capture import TftpSocket, acks_filter
from ..capture.tftp_recorder import SendRecord, TftpRecorder
from ..published.boot_files import BootFiles
from .tftp_sending import bind_to_client, send_rest

log = logging.getLogger(__name__)

MAX_SERVING = 500
SPEAK_AFTER_S = 1.0
"""So long after a claim clients have to speak first: most repeat their acknowledgement by themselves."""
SPEAK_EVERY_S = 0.002
"""Pause between two clients that are spoken to first."""
SWEEP_PACE_S, SWEEPS_PER_S = 0.005, 1000
"""Between two blocks of a client's sweep, and so many blocks of all clients' sweeps a second."""
KEEP_RELEASED_S = 10.0
"""The next holder needs the records of an address for a while after its release here."""

OnTakenOver = Callable[[IPv4Address, dict[str, str | int | float]], None]


class TftpTakeover:
    """send_record: called for each changed download. on_taken_over: for each taken over (address, fields)."""

    def __init__(
        self, interface: str, files: BootFiles, send_record: SendRecord, on_taken_over: OnTakenOver
    ) -> None:
        self._files, self._on_taken_over = files, on_taken_over
        self._recorder = TftpRecorder(interface, files.file_facts, send_record)
        self._peers = PeerDownloads()
        self._acks_socket = TftpSocket(interface)
        self._waiting: dict[Key, Known] = {}
        self._left: dict[IPv4Address, list[Known]] = {}
        """Where the downloads were of an address that has left here, in case that nobody else takes it."""
        self._serving: dict[Key, asyncio.Task[None]] = {}
        self._asked: dict[Key, Sender] = {}
        self._timers: dict[tuple[str, IPv4Address], asyncio.TimerHandle] = {}

    def start(self) -> None:
        """Start in the running loop."""
        self._loop = asyncio.get_running_loop()
        self._recorder.start()
        self._loop.add_reader(self._acks_socket.fileno(), self._on_acks)

    def close(self) -> None:
        self._recorder.close()
        self._loop.remove_reader(self._acks_socket.fileno())
        self._acks_socket.close()
        for timer in self._timers.values():
            timer.cancel()
        for task in self._serving.values():
            task.cancel()

    @property
    def not_followed(self) -> int:
        """Downloads that are not followed since what their blocks are is not certain."""
        return self._recorder.downloads.refused.total()

    def resend_all(self) -> None:
        """A new agent has connected: send all downloads; it will send the peers' records again."""
        self._peers.clear()
        self._recorder.resend_all()

    def peer_record(self, name: str, key: ConnectionKey, value: bytes | None) -> None:
        """Store a peer's record; with an empty name, one of this server's previous takeover process.
        ValueError: malformed."""
        self._peers.store(name, key, value, self._loop.time())

    def forget_peer(self, name: str) -> None:
        self._peers.forget(name)

    def claimed(self, address: IPv4Address, holder: str, *, again: bool, ours: bool) -> None:
        """The address is up here. holder: the server that had it last; empty when not known. again: it was
        here before this takeover process. ours: nobody else has had it since it was here."""
        self._recorder.hold(self._recorder.addresses | {address})
        left = self._left.pop(address, [])
        told = [] if ours else self._peers.of(address, holder, self._loop.time(), own=again)
        for one in (*told, *(() if holder else left)):
            self._waiting[one.client, address] = one
            if again and (not one.download.rolls_over or (one.reach or BLOCK_NUMBERS) < BLOCK_NUMBERS // 2):
                self._recorder.seed(one.client, address, one.download)
        self._recorder.flush()
        self._listen()
        self._later("speak", address, SPEAK_AFTER_S, self._speak)
        self._later("stop", address, LISTEN_S, self._stop_listening)

    def releasing(self, address: IPv4Address) -> None:
        """The address moves to a peer, which gets to know all. What is served goes on until the address is
        gone: a closed port would be told to the client, and end its download."""
        self._recorder.flush_all(address)

    def released(self, address: IPv4Address) -> None:
        """The address is released: stop serving its downloads."""
        self._stop(address)
        self._left[address] = self._recorder.known_of(address)
        self._recorder.hold(self._recorder.addresses - {address})
        self._later("forget", address, KEEP_RELEASED_S, self._recorder.forget)
        self._later("forget-left", address, LISTEN_S, self._forget_left)

    # Inside -------------------------------------------------------------------------------------

    def _later(
        self, what: str, address: IPv4Address, after_s: float, do: Callable[[IPv4Address], None]
    ) -> None:
        timer = self._timers.pop((what, address), None)
        if timer is not None:
            timer.cancel()
        self._timers[what, address] = self._loop.call_later(after_s, do, address)

    def _forget_left(self, address: IPv4Address) -> None:
        self._left.pop(address, None)

    def _listen(self) -> None:
        addresses = sorted({address for _, address in self._waiting})
        self._acks_socket.attach(acks_filter(addresses) if addresses else DROP_ALL)

    def _stop_listening(self, address: IPv4Address) -> None:
        self._waiting = {key: one for key, one in self._waiting.items() if key[1] != address}
        self._listen()

    def _stop(self, address: IPv4Address) -> None:
        for key in [key for key in self._serving if key[1] == address]:
            self._serving.pop(key).cancel()
        self._stop_listening(address)

    def _on_acks(self) -> None:
        for one in self._acks_socket.read():
            key = ((one.source, one.source_port), one.target)
            known, number = self._waiting.get(key), acked_number(one.payload)
            if known is None or number is None or known.download.server_port not in (0, one.target_port):
                continue
            found = replace(known.download, server_port=one.target_port, confirmed=True)
            sender = self._sender(replace(known, download=found))
            if not sender.heard(number, self._loop.time()):
                continue
            if sender.over:
                del self._waiting[key]  # it has all
            else:
                self._serve(key, sender)
        self._recorder.flush()

    def _speak(self, address: IPv4Address) -> None:
        """Speak to one that has said nothing yet, then to the next."""
        for key, known in self._waiting.items():
            if key[1] != address:
                continue
            sender = self._sender(known)
            if sender.may_speak_first and len(self._serving) < MAX_SERVING:
                self._serve(key, sender)
                self._later("speak", address, SPEAK_EVERY_S, self._speak)
                return

    def _sender(self, known: Known) -> Sender:
        return Sender(known.download, reach=known.reach, now=self._loop.time(), pace_s=SWEEP_PACE_S)

    def _serve(self, key: Key, sender: Sender) -> None:
        """Go on with a download from the port that its client listens to."""
        (client, address), one = key, sender.download
        if len(self._serving) >= MAX_SERVING:
            return
        del self._waiting[key]
        ours = self._files.file_facts(one.path)
        if ours is None or not ours.is_same(one.facts):
            log.debug("TFTP download of %s: %r is not equal here", client[0], one.path)
            return
        try:
            sock = bind_to_client(address, one.server_port, client)
        except OSError as exc:
            log.debug("TFTP download of %s: %s", client[0], exc)
            return  # usually because the download is still served here
        self._serving[key] = task = asyncio.create_task(self._send(key, sock, sender))
        task.add_done_callback(lambda done: self._ended(key, done))

    def _ended(self, key: Key, task: asyncio.Task[None]) -> None:
        self._asked.pop(key, None)
        if self._serving.get(key) is task:
            del self._serving[key]

    async def _send(self, key: Key, sock: socket.socket, sender: Sender) -> None:
        one = sender.download
        with sock:
            file = self._files.open(one.path)
            if file is None:
                return
            self._asked[key] = sender
            self._set_pace()
            try:
                await send_rest(sock, file, sender, lambda: self._found(key, sender))
            except OSError as exc:
                log.debug("TFTP download of %r: %s", one.path, exc)
            finally:
                os.close(file)

    def _set_pace(self) -> None:
        pace_s = max(SWEEP_PACE_S, len(self._asked) / SWEEPS_PER_S)
        for sender in self._asked.values():
            sender.pace_s = pace_s

    def _found(self, key: Key, sender: Sender) -> None:
        """The client has answered: the download is this server's from now on."""
        (client, address), one = key, sender.download
        self._asked.pop(key, None)
        self._set_pace()
        self._recorder.seed(client, address, one.at(sender.acknowledged))
        self._recorder.flush()
        self._on_taken_over(address, {
            "client": f"{client[0]}:{client[1]}", "file": one.path.decode(errors="replace"),
            "offset": one.offset(sender.acknowledged + 1), "size": one.size,
        })
