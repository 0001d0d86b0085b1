"""The DHCP snooper: what it tells apart, what is an alarm, and when it ends."""

from __future__ import annotations

import asyncio
import socket
import struct
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twinboot.agent.dhcp import snooper
from twinboot.agent.dhcp.snooper import FORGET_AFTER_S, MAX_FOREIGN_SERVERS, DhcpSnooper, SnoopingTable
from twinboot.dhcp import offers
from twinboot.errors import ResourceError
from twinboot.wire.net import dhcpinform
from twinboot.wire.net.dhcp import SNOOPER_MAC, DhcpMessage, MessageType, discover, parse

VIP, OTHER = IPv4Address("192.168.0.253"), IPv4Address("192.168.0.9")
NOBODY = IPv4Address(0)
MAC, CLIENT = bytes.fromhex("020000000009"), bytes.fromhex("525400000001")
WANTED = IPv4Address("192.168.0.170")


def message(
    kind: MessageType, server: IPv4Address, relay: IPv4Address = NOBODY, client: bytes = CLIENT
) -> DhcpMessage:
    return DhcpMessage(kind, MAC, client, relay, server, WANTED)


def frame(*, op: int = 1, options: bytes = b"", relay: bytes = bytes(4)) -> bytes:
    body = struct.pack("!4B4sHH", op, 1, 6, 0, b"xid!", 0, 0) + bytes(12) + relay + CLIENT.ljust(16, b"\0")
    body += bytes(192) + bytes.fromhex("63825363") + options + b"\xff"
    return b"\xff" * 6 + MAC + b"\x08\x00" + bytes(20) + bytes(8) + body


def test_a_request_is_read() -> None:
    options = b"\x35\x01\x03\x00\x00\x32\x04" + WANTED.packed + b"\x36\x04" + VIP.packed
    found = parse(frame(options=options))
    assert found == DhcpMessage(MessageType.REQUEST, MAC, CLIENT, NOBODY, VIP, WANTED)
    relayed = parse(frame(options=options, relay=OTHER.packed))
    assert relayed is not None
    assert relayed.relay == OTHER


@given(junk=st.binary(max_size=400))
def test_junk_is_nothing(junk: bytes) -> None:
    assert parse(junk) is None
    parse(frame(options=junk))


def test_our_question_is_read_by_our_own_listener_and_names_the_client_dhcpd_ignores() -> None:
    found = parse(discover(mac=MAC, xid=b"1234"))
    assert found == DhcpMessage(MessageType.DISCOVER, MAC, SNOOPER_MAC, NOBODY, NOBODY, NOBODY)
    assert SNOOPER_MAC.hex(":") == offers.SNOOPER_MAC


FOREIGN, MAC_OF_OTHER, NO_MAC = ("foreign-dhcp-server", "192.168.0.9"), "02:00:00:00:00:09", ""


@pytest.mark.parametrize(("heard", "mac", "ask"), [
    (message(MessageType.OFFER, OTHER), MAC_OF_OTHER, False),
    (message(MessageType.NAK, OTHER), MAC_OF_OTHER, False),
    (message(MessageType.ACK, OTHER, relay=VIP), NO_MAC, False),
    (message(MessageType.REQUEST, OTHER), NO_MAC, True),
    (message(MessageType.REQUEST, NOBODY), None, False),
    (message(MessageType.OFFER, VIP), None, False),
    (message(MessageType.DISCOVER, NOBODY), None, False),
    (message(MessageType.RELEASE, OTHER), None, False),
])
def test_who_is_foreign(heard: DhcpMessage, mac: str | None, ask: bool) -> None:
    table = SnoopingTable(frozenset((VIP,)))
    assert table.observe(heard, 1.0) is ask
    alarms = table.alarm_conditions()
    assert [(one.code, one.subject) for one in alarms] == ([] if mac is None else [FOREIGN])
    assert all(("(" in one.text) == bool(mac) and (mac or "") in one.text for one in alarms)


def test_an_alarm_ends_when_the_server_has_been_silent(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    table = SnoopingTable(frozenset((VIP,)))
    table.observe(message(MessageType.REQUEST, OTHER), 1.0)
    table.observe(message(MessageType.OFFER, OTHER), 10.0)
    table.observe(message(MessageType.REQUEST, OTHER), 20.0)
    table.expire(20.0 + FORGET_AFTER_S - 1)
    [alarm] = table.alarm_conditions()
    assert (alarm.code, alarm.subject) == FOREIGN
    assert MAC_OF_OTHER in alarm.text
    table.expire(20.0 + FORGET_AFTER_S)
    assert table.alarm_conditions() == []
    said = [record.getMessage() for record in caplog.records]
    assert said == ["foreign-dhcp-server", "foreign-dhcp-server", "foreign-dhcp-server-gone"]


def test_a_client_that_invents_servers_fills_no_memory() -> None:
    table = SnoopingTable(frozenset((VIP,)))
    for i in range(1000):
        table.observe(message(MessageType.REQUEST, IPv4Address(0x0A000000 + i)), float(i))
    assert len(table.alarm_conditions()) == MAX_FOREIGN_SERVERS


def test_requests_of_our_own_server_are_kept_for_a_claim() -> None:
    table = SnoopingTable(frozenset((VIP,)))
    table.observe(message(MessageType.REQUEST, VIP), 1.0)
    table.observe(message(MessageType.REQUEST, OTHER), 2.0)
    assert [(r.at, r.address, r.mac, r.server) for r in table.requests()] == [(1.0, WANTED, CLIENT, VIP)]


class FakeListener:
    """A listener in memory."""

    def __init__(self) -> None:
        self.ours, self.theirs = socket.socketpair()
        self.waiting: list[DhcpMessage] = []
        self.asked = 0
        self.informed: list[IPv4Address] = []
        self.fault = ""

    def fileno(self) -> int:
        return self.ours.fileno()

    def say(self, *messages: DhcpMessage) -> None:
        self.waiting += messages
        self.theirs.send(b"!")

    def receive(self) -> list[DhcpMessage]:
        if self.fault:
            raise ResourceError("DHCP on eth0", self.fault)
        self.ours.recv(100)
        found, self.waiting = self.waiting, []
        return found

    def discover(self) -> None:
        self.asked += 1

    def inform(self, address: IPv4Address) -> None:
        self.informed.append(address)

    def close(self) -> None:
        self.ours.close()


def test_a_server_that_a_client_names_is_asked_at_once_but_not_often(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        listeners: list[FakeListener] = []

        def opened() -> FakeListener:
            listeners.append(FakeListener())
            return listeners[-1]

        watch = DhcpSnooper(opened, frozenset((VIP,)), lambda: 1000.0)
        watch.start()
        for _ in range(3):
            listeners[0].say(message(MessageType.REQUEST, OTHER))
            await asyncio.sleep(0.01)
        assert listeners[0].asked == 1
        assert [(one.code, one.subject) for one in watch.alarm_conditions()] == [FOREIGN]
        monkeypatch.setattr(snooper, "_REOPEN_S", 0.0)
        listeners[0].fault = "network is down"
        listeners[0].say()
        await asyncio.sleep(0.01)
        watch._turn()
        assert len(listeners) == 2, "opened anew"
        watch.close()

    asyncio.run(run())


def test_who_serves_on_the_lan_is_told_whether_it_is_ours_or_not() -> None:
    async def run() -> None:
        listener, now, told = FakeListener(), [1000.0], []
        watch = DhcpSnooper(lambda: listener, frozenset((VIP,)), lambda: now[0])
        watch.server_heard = lambda address, mac: told.append((address, mac))
        watch.start()
        watch.ask(OTHER)
        assert listener.informed == [OTHER]
        listener.say(
            message(MessageType.ACK, VIP), message(MessageType.OFFER, OTHER), message(MessageType.ACK, VIP),
            message(MessageType.REQUEST, WANTED), message(MessageType.ACK, WANTED, relay=OTHER),
            message(MessageType.NAK, NOBODY),
        )
        await asyncio.sleep(0.01)
        assert told == [(VIP, MAC), (OTHER, MAC)], "not each answer, no client, nothing from behind a relay"
        now[0] += 1.0
        listener.say(message(MessageType.ACK, VIP))
        await asyncio.sleep(0.01)
        assert told[2:] == [(VIP, MAC)]
        watch.close()

    asyncio.run(run())


def test_the_question_to_all_servers_is_an_inform_of_the_asking_host() -> None:
    asked = dhcpinform.broadcast(address=OTHER, mac=MAC, xid=b"1234")
    assert parse(asked) == DhcpMessage(MessageType.INFORM, MAC, MAC, NOBODY, NOBODY, NOBODY)
    assert asked[:6] == b"\xff" * 6
