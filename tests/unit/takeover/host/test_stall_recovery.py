"""What is sent to our own kernel in the name of a client whose connection gets nothing out."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest
from twinboot.errors import ResourceError
from twinboot.kernel import sock_diag
from twinboot.takeover.host import kernel_connections
from twinboot.takeover.host.kernel_connections import StalledConnection
from twinboot.takeover.host.stall_recovery import StallRecovery
from twinboot.takeover.host.tcp_probe import RawTcpSender
from twinboot.takeover.logic.record import ConnectionKey
from twinboot.takeover.logic.tcp.segment import ACK, parse_segment

SERVER = IPv4Address("192.0.2.253")
KNOWN = ConnectionKey(IPv4Address("192.0.2.9"), 40000, SERVER, 80)
UNKNOWN = ConnectionKey(IPv4Address("192.0.2.9"), 40001, SERVER, 80)


class Said(RawTcpSender):
    """What would go to the kernel."""

    def __init__(self) -> None:
        self.packets: list[bytes] = []

    def send(self, packet: bytes) -> None:
        self.packets.append(packet)


def test_the_numbers_are_what_client_and_server_began_with_and_what_came_since(
        monkeypatch: pytest.MonkeyPatch) -> None:
    found = [
        StalledConnection(KNOWN, acked=(5 << 32) + 20, received=30, window=502),
        StalledConnection(UNKNOWN, 1, 1, 1),
    ]
    monkeypatch.setattr(kernel_connections, "stalled_connections", lambda _addresses: found)
    said = Said()
    recovery = StallRecovery(said, lambda: {SERVER}, {KNOWN: (7, 2**32 - 10)}.get)
    assert recovery.scan()
    assert said.packets == [], "it may be about to send"
    assert recovery.scan()
    (packet,) = said.packets
    one = parse_segment(bytes(12) + b"\x08\0" + packet)
    assert one is not None
    assert (ConnectionKey.of_client(one), one.flags, one.payload_bytes) == (KNOWN, ACK, 0)
    assert (one.seq, one.ack, one.window) == (37, 10, 502)


def test_who_moves_or_has_gone_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = iter(
        [
            [StalledConnection(KNOWN, 10, 0, 9)],
            [StalledConnection(KNOWN, 20, 0, 9)],
            [],
            [StalledConnection(KNOWN, 20, 0, 9)],
        ]
    )
    monkeypatch.setattr(kernel_connections, "stalled_connections", lambda _addresses: next(looks))
    said = Said()
    recovery = StallRecovery(said, lambda: {SERVER}, {KNOWN: (0, 0)}.get)
    assert [recovery.scan() for _ in range(4)] == [True, True, False, True]
    assert said.packets == []


def test_a_kernel_that_does_not_say_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def no(_addresses: frozenset[IPv4Address]) -> list[StalledConnection]:
        raise ResourceError("list of connections", "Operation not permitted")

    monkeypatch.setattr(kernel_connections, "stalled_connections", no)
    assert StallRecovery(Said(), lambda: {SERVER}, lambda _key: None).scan() is False


def test_the_kernels_connections_have_the_names_of_records(monkeypatch: pytest.MonkeyPatch) -> None:
    http = sock_diag.FourTuple(SERVER, 80, KNOWN.client, KNOWN.client_port)
    data = sock_diag.FourTuple(SERVER, 20, KNOWN.client, 50000)
    monkeypatch.setattr(sock_diag, "list_connections", lambda _addresses, *, ending, beginning: {
        http: 7 + ending + 2 * beginning})
    monkeypatch.setattr(sock_diag, "stalled_connections", lambda _addresses: [
        sock_diag.StalledConnection(one, 100, 20, 9) for one in (http, data)
    ])
    assert kernel_connections.list_connections({SERVER}, ending=True) == {KNOWN: 8}
    assert kernel_connections.list_connections({SERVER}, beginning=True) == {KNOWN: 9}
    assert kernel_connections.stalled_connections({SERVER}) == [
        StalledConnection(KNOWN, 100, 20, 9),
        StalledConnection(ConnectionKey(KNOWN.client, 50000, SERVER, 20), 100, 20, 9),
    ]
