"""Sends one TFTP download from where its client is: socket and file around tftp_sender."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable
from ipaddress import IPv4Address

from twinboot.takeover.logic.protocols import tftp_packets
from twinboot.takeover.logic.protocols.tftp import Client
from twinboot.takeover.logic.protocols.tftp_sender import Sender

_HEARD_BYTES = 64


def bind_to_client(address: IPv4Address, port: int, client: Client) -> socket.socket:
    """A socket on the port that the client sends to, connected to it. OSError: the port is in use."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
    try:
        sock.bind((str(address), port))
        sock.connect((str(client[0]), client[1]))
    except OSError:
        sock.close()
        raise
    return sock


async def send_rest(sock: socket.socket, file: int, sender: Sender, on_found: Callable[[], None]) -> None:
    """Send block after block until the last one is acknowledged, or the client stops answering.

    on_found: called once, when the client has said where it is. OSError of the file.
    """
    loop = asyncio.get_running_loop()
    if sender.found:
        on_found()
    while not sender.over:
        block = sender.due(loop.time())
        if block is not None:
            _send_block(sock, file, sender, block)
        if sender.over:
            return
        found = sender.found
        try:
            async with asyncio.timeout_at(sender.wake_at):
                _hear(sender, await loop.sock_recv(sock, _HEARD_BYTES), loop.time())
        except TimeoutError:
            continue
        except ConnectionRefusedError:
            _refused(sender)
        if sender.found and not found and not sender.over:
            on_found()


def _send_block(sock: socket.socket, file: int, sender: Sender, block: int) -> None:
    one = sender.download
    data = os.pread(file, one.terms.block_bytes, one.offset(block))
    if (len(data) < one.terms.block_bytes) != (block == one.last_block):
        raise OSError(f"block {block} has {len(data)} bytes: the file has changed")
    try:
        sock.send(tftp_packets.data_packet(one.number(block), data))
    except BlockingIOError:
        pass
    except ConnectionRefusedError:
        _refused(sender)


def _refused(sender: Sender) -> None:
    """The client's kernel says that nobody listens: there is no client to be asked any more. One that has
    answered is given its time; it may start to listen again (RFC 1122 section 4.1.3.3 lets it pass)."""
    if not sender.found:
        sender.gone()


def _hear(sender: Sender, heard: bytes, now: float) -> None:
    number = tftp_packets.acked_number(heard)
    if number is not None:
        sender.heard(number, now)
    elif tftp_packets.is_error(heard):
        sender.gone()
