"""Sending announcements: both forms of gratuitous ARP, by a socket that may have died meanwhile."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest
from twinboot.adapters.lan import arp as lan_arp
from twinboot.adapters.lan.arp import ArpSender
from twinboot.errors import ResourceError
from twinboot.wire.net import arp
from twinboot.wire.net.arp import Operation

MAC = bytes((2, 0, 0, 0, 0, 7))
VIP = IPv4Address("192.168.0.253")


class Socket:
    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.dead = self.closed = False

    def send(self, frame: bytes) -> None:
        if self.dead:
            raise OSError("Network is down")
        self.sent.append(frame)

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def sockets(monkeypatch: pytest.MonkeyPatch) -> list[Socket]:
    """Those that were opened, in turn."""
    opened: list[Socket] = []

    def opens(_interface: str) -> Socket:
        opened.append(Socket())
        return opened[-1]

    monkeypatch.setattr(lan_arp, "open_packet_socket", opens)
    monkeypatch.setattr(lan_arp, "ethernet_address", lambda _socket: MAC)
    return opened


def test_an_announcement_is_a_request_and_a_reply(sockets: list[Socket]) -> None:
    sender = ArpSender()
    sender.announce("eth0", VIP)
    [one] = sockets
    packets = [arp.parse(frame) for frame in one.sent]
    assert [packet and packet.operation for packet in packets] == [Operation.REQUEST, Operation.REPLY]
    assert all(packet and packet.gratuitous and packet.sender_mac == MAC for packet in packets)
    assert {packet.sender for packet in packets if packet} == {VIP}
    assert all(frame.startswith(arp.BROADCAST + MAC) for frame in one.sent)
    sender.close()
    assert one.closed


def test_a_socket_that_has_died_is_opened_again_once(
    sockets: list[Socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    sender = ArpSender()
    sender.announce("eth0", VIP)
    sockets[0].dead = True
    sender.announce("eth0", VIP)
    assert sockets[0].closed
    assert len(sockets[1].sent) == len(arp.ANNOUNCEMENT_FORMS)
    sockets[1].dead = True
    monkeypatch.setattr(Socket, "send", lambda *_: (_ for _ in ()).throw(OSError("gone")))
    with pytest.raises(ResourceError, match="eth0"):
        sender.announce("eth0", VIP)
    assert len(sockets) == 3
