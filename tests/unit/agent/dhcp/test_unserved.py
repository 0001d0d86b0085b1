"""Machines that get no address, and ranges that have none left: when it is an alarm, and when not."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest
from twinboot.agent.dhcp.ranges import exhausted
from twinboot.agent.dhcp.unserved import FORGET_AFTER_S, MAX_TOLD, UnservedClients
from twinboot.agent.settings import DhcpPool
from twinboot.dhcp.lease import DhcpLease, LeaseState
from twinboot.wire.net.dhcp import SNOOPER_MAC, DhcpMessage, MessageType

NOBODY, VIP, OTHER = IPv4Address(0), IPv4Address("192.168.0.253"), IPv4Address("192.168.0.9")
ROM = (0.0, 4.0, 12.0, 28.0)
"""When a boot ROM that is not answered asks (PXE 2.1, section 2.2.3)."""


def client(number: int) -> bytes:
    return bytes.fromhex("525400") + number.to_bytes(3, "big")


def message(
    kind: MessageType, number: int = 1, *, server: IPv4Address = NOBODY, relay: IPv4Address = NOBODY
) -> DhcpMessage:
    return DhcpMessage(kind, client(number), client(number), relay, server, NOBODY)


def told(clients: UnservedClients, now: float) -> list[tuple[str, str]]:
    return [(one.code, one.subject) for one in clients.alarm_conditions(now)]


def ask(
    clients: UnservedClients, *, number: int = 1, at: tuple[float, ...] = ROM, **more: IPv4Address
) -> None:
    for now in at:
        clients.observe(message(MessageType.DISCOVER, number, **more), now)


def test_a_machine_that_asks_on_is_told_until_it_is_silent() -> None:
    clients = UnservedClients()
    ask(clients)
    mac = client(1).hex(":")
    assert told(clients, 28.0) == [("lease-refused", mac)]
    assert "4 times in 28 s" in clients.alarm_conditions(28.0)[0].text
    assert told(clients, 28.0 + FORGET_AFTER_S) == [("lease-refused", mac)]
    assert told(clients, 28.1 + FORGET_AFTER_S) == []


@pytest.mark.parametrize("server", [VIP, OTHER, NOBODY])
def test_a_machine_that_takes_an_offer_is_served_whoever_made_it(server: IPv4Address) -> None:
    clients = UnservedClients()
    ask(clients)
    clients.observe(message(MessageType.REQUEST, server=server), 29.0)
    assert told(clients, 29.0) == []


@pytest.mark.parametrize(
    "at", [(0.0, 1.0, 3.0, 7.0), (0.0, 10.0, 20.0), (0.0, 100.0, 200.0, 300.0)],
    ids=["while dhcpd moves", "three times", "a machine that is started now and then"],
)  # fmt: skip
def test_what_is_no_refusal(at: tuple[float, ...]) -> None:
    clients = UnservedClients()
    ask(clients, at=at)
    assert told(clients, at[-1]) == []


def test_our_own_question_and_relayed_machines_are_not_counted() -> None:
    clients = UnservedClients()
    ours = DhcpMessage(MessageType.DISCOVER, client(1), SNOOPER_MAC, NOBODY, NOBODY, NOBODY)
    for now in ROM:
        clients.observe(ours, now)
    ask(clients, relay=OTHER)
    assert told(clients, 28.0) == []


def test_a_flood_is_bounded_and_hides_nobody_that_asks_later() -> None:
    clients = UnservedClients()
    for number in range(5000):
        clients.observe(message(MessageType.DISCOVER, number + 100), number / 1000)
    assert len(clients._asking) <= 1024
    assert told(clients, 5.0) == []
    for number in range(20):
        ask(clients, number=number, at=tuple(10.0 + at for at in ROM))
    assert len(told(clients, 38.0)) == MAX_TOLD


POOL = DhcpPool(IPv4Address("192.168.0.160"), IPv4Address("192.168.0.162"), 600)
SECOND = DhcpPool(IPv4Address("192.168.1.10"), IPv4Address("192.168.1.10"), 600)
NOW = 1_795_380_000


def lease(address: str, state: LeaseState = LeaseState.ACTIVE, ends: int | None = NOW + 60) -> DhcpLease:
    return DhcpLease(address=IPv4Address(address), state=state, ends=ends)


FULL = [lease(f"192.168.0.{last}") for last in (160, 161, 162)]


@pytest.mark.parametrize(
    ("leases", "ranges"),
    [
        (FULL, ["192.168.0.160-192.168.0.162"]),
        ([*FULL[:2], lease("192.168.0.162", LeaseState.DECLINED, None)], ["192.168.0.160-192.168.0.162"]),
        ([*FULL, lease("192.168.1.10")], ["192.168.0.160-192.168.0.162", "192.168.1.10-192.168.1.10"]),
        (FULL[:2], []),
        ([*FULL[:2], lease("192.168.0.163"), lease("192.168.0.9")], []),
        ([*FULL[:2], lease("192.168.0.162", ends=NOW)], []),
        ([*FULL[:2], lease("192.168.0.162", LeaseState.RELEASED)], []),
        ([], []),
    ],
)
def test_a_range_without_an_address_left(leases: list[DhcpLease], ranges: list[str]) -> None:
    found = exhausted((POOL, SECOND), leases, NOW)
    assert [(one.code, one.subject) for one in found] == [("range-exhausted", one) for one in ranges]
