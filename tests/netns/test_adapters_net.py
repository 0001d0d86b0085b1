"""The adapters on real interfaces, in a network namespace of each test's own. Needs root."""

from __future__ import annotations

import asyncio
import ctypes
import socket
import subprocess
import time
from collections.abc import Iterator
from ipaddress import IPv4Address

import pytest
from twinboot.adapters import clock
from twinboot.adapters.lan.address import AddressChanges, AddressTable
from twinboot.adapters.lan.arp import ArpProber, ArpSender
from twinboot.adapters.links.udp import UdpLink, UdpSpec
from twinboot.errors import ResourceError
from twinboot.wire.net import arp

CLONE_NEWNET = 0x40000000
VIP = IPv4Address("192.168.0.253")


def ip(words: str) -> str:
    return subprocess.run(["ip", *words.split()], check=True, capture_output=True, text=True).stdout


@pytest.fixture(autouse=True)
def namespace() -> Iterator[None]:
    """This thread, and what it starts, on a network of its own: eth0 and eth1 are the ends of a cable."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/thread-self/ns/net") as home:
        assert libc.unshare(CLONE_NEWNET) == 0
        try:
            ip("link set lo up")
            ip("link add eth0 type veth peer name eth1")
            for name in ("eth0", "eth1"):
                ip(f"link set {name} up")
            ip("addr add 192.168.0.251/24 dev eth0")
            yield
        finally:
            assert libc.setns(home.fileno(), CLONE_NEWNET) == 0


@pytest.fixture
def table() -> Iterator[AddressTable]:
    made = AddressTable(clock.now)
    yield made
    made.close()


def claim(table: AddressTable, *, lifetime_s: float = 3.0, interface: str = "eth0") -> None:
    table.claim(interface, VIP, lifetime_s=lifetime_s, asked=clock.now())


def test_a_claimed_address_is_leased_and_goes_by_itself(table: AddressTable) -> None:
    claim(table, lifetime_s=1.0)
    shown = ip("-4 addr show dev eth0")
    assert f"inet {VIP}/32" in shown
    assert "valid_lft 1sec" in shown
    deadline = time.monotonic() + 10
    while VIP in table.list_addresses("eth0"):
        assert time.monotonic() < deadline, "the kernel kept the address"
        time.sleep(0.1)
    assert not table.renew("eth0", VIP, lifetime_s=1.0, asked=clock.now()), "what is gone is not renewed"
    assert VIP not in table.list_addresses("eth0")


def test_renewal_keeps_a_lifetime(table: AddressTable) -> None:
    claim(table)
    assert table.renew("eth0", VIP, lifetime_s=60.0, asked=clock.now())
    assert "valid_lft 60sec" in ip("-4 addr show dev eth0")


def test_claim_makes_a_permanent_address_a_leased_one(table: AddressTable) -> None:
    ip(f"addr add {VIP}/32 dev eth0")
    claim(table)
    shown = ip("-4 addr show dev eth0").split(str(VIP))[1]
    assert "valid_lft 3sec" in shown


def test_claim_and_drop_may_be_repeated(table: AddressTable) -> None:
    claim(table)
    claim(table)
    assert table.list_addresses("eth0") == {VIP, IPv4Address("192.168.0.251")}
    table.drop("eth0", VIP)
    table.drop("eth0", VIP)
    table.drop("nowhere0", VIP)
    assert table.list_addresses("eth0") == {IPv4Address("192.168.0.251")}


def test_drop_takes_the_address_with_any_prefix(table: AddressTable) -> None:
    ip(f"addr add {VIP}/24 dev eth0")
    ip(f"addr add {VIP}/32 dev eth0")
    table.drop("eth0", VIP)
    assert VIP not in table.list_addresses("eth0")


def test_drop_takes_the_address_from_a_renamed_interface(table: AddressTable) -> None:
    """And not what somebody gave to another interface for ever."""
    claim(table)
    ip("link set eth0 down")
    ip("link set eth0 name lan9")
    ip("link set lan9 up")
    ip("addr add 192.168.0.254/32 dev eth1")
    table.drop("eth0", VIP)
    assert VIP not in table.list_addresses("lan9")
    table.drop("eth0", IPv4Address("192.168.0.254"))
    assert IPv4Address("192.168.0.254") in table.list_addresses("eth1")


def test_claim_is_refused_on_a_missing_or_a_second_interface(table: AddressTable) -> None:
    with pytest.raises(ResourceError, match="interface nowhere0: is not there"):
        claim(table, interface="nowhere0")
    ip(f"addr add {VIP}/32 dev eth1")
    with pytest.raises(ResourceError, match="is on eth1 already"):
        claim(table)


def test_what_was_asked_before_a_freeze_is_not_done_after_it(table: AddressTable) -> None:
    with pytest.raises(ResourceError, match="too late"):
        table.claim("eth0", VIP, lifetime_s=3.0, asked=clock.now() - 3.5)
    assert VIP not in table.list_addresses("eth0")
    claim(table, lifetime_s=3.0)
    assert table.renew("eth0", VIP, lifetime_s=60.0, asked=clock.now() - 21)
    assert "valid_lft 3sec" in ip("-4 addr show dev eth0")


def test_a_flushed_address_is_news(table: AddressTable) -> None:
    news = AddressChanges()
    claim(table)
    assert news.removed() == frozenset()
    ip("addr flush dev eth0")
    assert VIP in news.removed()
    assert news.removed() == frozenset()
    news.close()


def test_announcement_arrives_in_both_forms(table: AddressTable) -> None:
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(arp.ETH_P_ARP)) as listener:
        listener.bind(("eth1", arp.ETH_P_ARP))
        listener.settimeout(60)
        sender = ArpSender()
        sender.announce("eth0", VIP)
        packets = [arp.parse(listener.recv(2048)) for _ in range(2)]
    mac = bytes.fromhex(ip("-br link show eth0").split()[2].replace(":", ""))
    assert {p.operation for p in packets if p} == set(arp.Operation)
    assert all(p and p.gratuitous and p.sender == VIP and p.sender_mac == mac for p in packets)
    ip("link del eth0")
    with pytest.raises(ResourceError, match="ARP on eth0"):
        sender.announce("eth0", VIP)
    ip("link add eth0 type veth peer name eth1")
    ip("link set eth0 up")
    sender.announce("eth0", VIP)
    sender.close()


def test_probe_asks_and_hears_the_answer_of_another_host(table: AddressTable) -> None:
    prober = ArpProber("eth0")
    assert prober.receive() == []
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(arp.ETH_P_ARP)) as other:
        other.bind(("eth1", arp.ETH_P_ARP))
        other.settimeout(60)
        prober.probe(VIP)
        asked = arp.parse(other.recv(2048))
        assert asked is not None
        assert (asked.probe, asked.target, asked.sender_mac) == (True, VIP, prober.mac)
        mac = bytes.fromhex(ip("-br link show eth1").split()[2].replace(":", ""))
        answer = arp.ArpPacket(arp.Operation.REPLY, mac, VIP, prober.mac, IPv4Address(0))
        other.send(arp.frame(answer, prober.mac))
        heard: list[arp.ArpPacket] = []
        end = time.monotonic() + 60
        while answer not in heard and time.monotonic() < end:
            heard += prober.receive()
    assert heard == [answer], "our own probe is none of it"
    ip("link set eth1 down")
    with pytest.raises(ResourceError, match="ARP probe on eth0"):
        prober.probe(VIP)
    prober.close()
    with pytest.raises(ResourceError, match="ARP probe on nowhere0"):
        ArpProber("nowhere0")


async def until(condition: object, seconds: float = 10.0) -> None:
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        await asyncio.sleep(0.02)


def loopback_pair(got: list[bytes]) -> tuple[UdpLink, UdpLink]:
    """Two ends on addresses of lo, since a veth pair in one namespace does not route to itself."""
    ends = ("127.0.1.1", "127.0.1.2")
    here = UdpSpec("lan", "lo", ends[0], 694, {"server2": ends[1]})
    there = UdpSpec("lan", "lo", ends[1], 694, {"server1": ends[0]})
    return UdpLink(here, lambda _l, data: got.append(data)), UdpLink(there, lambda _l, _d: None)


def test_link_delivers_from_peers_only() -> None:
    async def scenario() -> None:
        got: list[bytes] = []
        here, there = loopback_pair(got)
        here.start()
        there.start()
        there.send(b"from a peer")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unknown:
            unknown.bind(("127.0.1.9", 0))
            unknown.sendto(b"from an unknown", ("127.0.1.1", 694))
        await until(lambda: got and here.unknown_senders)
        assert (got, here.unknown_senders) == ([b"from a peer"], 1)
        here.close()
        there.close()

    asyncio.run(scenario())


def test_a_server_that_only_the_other_one_names_is_heard_and_answered() -> None:
    """Its site file names us, ours does not name it; what is no message of the cluster stays out."""
    start = b"TwnB and more"

    async def scenario() -> None:
        got: list[bytes] = []
        back: list[bytes] = []
        ours = UdpSpec("lan", "lo", "127.0.1.1", 694, {"server2": "127.0.1.2"}, start)
        theirs = UdpSpec("lan", "lo", "127.0.1.3", 694, {"server1": "127.0.1.1"}, start)

        def deliver(_link: str, data: bytes) -> bool:
            got.append(data)
            return data.endswith(b"authentic")

        here, there = UdpLink(ours, deliver), UdpLink(theirs, lambda _l, data: back.append(data))
        here.start()
        there.start()
        there.send(start + b", forged")
        await until(lambda: got)
        here.send(b"not for whoever cannot prove it")
        there.send(b"something else")
        there.send(start + b", authentic")
        await until(lambda: got[-1].endswith(b"authentic"))
        here.send(b"for the unknown server, too")
        await until(lambda: back)
        assert back == [b"for the unknown server, too"]
        assert got == [start + b", forged", start + b", authentic"]
        assert here.unknown_senders == 1
        here.close()
        there.close()

    asyncio.run(scenario())


def test_what_came_while_asleep_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("twinboot.adapters.links.udp.listener.STALE_S", 0.2)

    async def scenario() -> None:
        got: list[bytes] = []
        here, there = loopback_pair(got)
        here.start()
        there.start()
        there.send(b"first")
        await until(lambda: got)
        there.send(b"before")
        time.sleep(0.4)  # the whole process is frozen
        there.send(b"after")
        await until(lambda: b"after" in got)
        assert got == [b"first", b"after"]
        assert here.stale == 1
        here.close()
        there.close()

    asyncio.run(scenario())


@pytest.mark.parametrize("step_s", [86400.0, -86400.0])
def test_a_clock_that_is_set_makes_no_heartbeat_old(monkeypatch: pytest.MonkeyPatch, step_s: float) -> None:
    async def scenario() -> None:
        got: list[bytes] = []
        here, there = loopback_pair(got)
        here.start()
        there.start()
        there.send(b"first")
        await until(lambda: got)
        real = time.time
        monkeypatch.setattr(time, "time", lambda: real() + step_s)
        for number in range(3):
            there.send(bytes((number,)))
            await until(lambda: got[-1] == bytes((number,)))  # noqa: B023
        assert here.stale == 0
        here.close()
        there.close()

    asyncio.run(scenario())


def test_a_flood_leaves_the_timer_its_turn() -> None:
    async def scenario() -> None:
        got: list[bytes] = []
        here, there = loopback_pair(got)
        here.start()
        there.start()
        for _ in range(1200):
            there.send(b"flood")
        seen: list[int] = []
        asyncio.get_running_loop().call_later(0, lambda: seen.append(len(got)))
        await until(lambda: seen)
        assert seen[0] <= 2 * 256
        await until(lambda: len(got) > 512)
        here.close()
        there.close()

    asyncio.run(scenario())


def test_link_waits_for_interface_and_address_and_survives_their_loss() -> None:
    async def scenario() -> None:
        got: list[bytes] = []
        link = UdpLink(UdpSpec("x", "cable0", "10.0.0.1", 694, {"server2": "10.0.0.2"}),
                       lambda _l, data: got.append(data))
        link.start()
        link.send(b"nobody hears this")
        assert not link.open
        assert link.fault
        ip("link add cable0 type veth peer name cable1")
        ip("link set cable0 up")
        ip("link set cable1 up")
        ip("addr add 10.0.0.1/24 dev cable0")
        await until(lambda: link.open)
        assert not link.fault
        ip("addr del 10.0.0.1/24 dev cable0")
        link.send(b"from an address that has gone")
        assert link.send_errors == 1
        ip("addr add 10.0.0.1/24 dev cable0")
        await until(lambda: link.open)
        ip("link del cable0")
        link.check()
        assert not link.open
        link.close()

    asyncio.run(scenario())
