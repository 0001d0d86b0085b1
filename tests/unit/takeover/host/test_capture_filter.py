"""The kernel's filter for the capture, run by the kernel: on a pair of sockets that carry frames."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from ipaddress import IPv4Address

import pytest
from twinboot.kernel.socket_options import attach_filter
from twinboot.takeover.host.capture.filter import CLIENT_SNAP_BYTES, SNAP_BYTES, connections_filter
from twinboot.takeover.logic.tcp.segment import ACK, FIN, SYN, parse_segment, tcp_packet

CLIENT, VIP, OTHER = (IPv4Address(f"192.168.0.{last}") for last in (128, 253, 254))
PSH = 8


@pytest.fixture
def wire() -> Iterator[tuple[socket.socket, socket.socket]]:
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with one, other:
        for sock in (one, other):
            sock.setblocking(False)
        attach_filter(other, connections_filter([VIP]))
        yield one, other


def seen(wire: tuple[socket.socket, socket.socket], source: IPv4Address, port: int, target: IPv4Address,
         target_port: int, payload: bytes = b"", flags: int = ACK) -> int | None:
    """How many bytes of the payload are shown; None: nothing of the frame."""
    packet = tcp_packet(source, port, target, target_port, payload=payload, flags=flags)
    wire[0].send(bytes(12) + b"\x08\x00" + packet)
    try:
        found = parse_segment(wire[1].recv(CLIENT_SNAP_BYTES))
    except BlockingIOError:
        return None
    assert found is not None
    assert found.payload_bytes == len(payload)
    return len(found.payload)


def test_what_clients_say_is_shown_to_its_end(wire: tuple[socket.socket, socket.socket]) -> None:
    said = b"x" * 20000  # as the kernel shows what it has joined
    assert seen(wire, CLIENT, 40000, VIP, 80, said, ACK | PSH) == len(said)
    assert seen(wire, CLIENT, 40000, VIP, 21, said, ACK | FIN) == len(said)
    assert seen(wire, CLIENT, 40000, VIP, 80) is None, "a bare acknowledgment"
    assert seen(wire, CLIENT, 40000, VIP, 30000, said) is None, "an upload"
    assert seen(wire, CLIENT, 40000, VIP, 30000, flags=SYN) == 0
    assert seen(wire, CLIENT, 40000, OTHER, 80, said) is None, "another address"


def test_of_what_the_server_says_only_beginnings_are_shown(wire: tuple[socket.socket, socket.socket]) -> None:
    head = b"HTTP/1.1 200 OK\r\n" + bytes(20000)
    assert 2000 < (seen(wire, VIP, 80, CLIENT, 40000, head) or 0) < SNAP_BYTES
    assert seen(wire, VIP, 80, CLIENT, 40000, bytes(1000)) is None
    assert seen(wire, VIP, 30000, CLIENT, 40000, bytes(1000)) is None
    assert seen(wire, VIP, 21, CLIENT, 40000, b"226 done\r\n") == 10
    assert seen(wire, VIP, 30000, CLIENT, 40000, flags=ACK | FIN) == 0
