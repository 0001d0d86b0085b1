"""Neighbours that harm: ARP filtered on a server, and a host that answers for its address. Needs root.

Real kernels, real ARP; two agents in network namespaces.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from netns_rig import VIPS, Rig, Server, inside, run, until

FILTER = "table arp no_arp { chain input { type filter hook input priority 0; policy drop; }; }"
ANSWERER = """
import socket, sys
from ipaddress import IPv4Address
from twinboot.wire.net import arp
wanted = IPv4Address(sys.argv[1])
with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(arp.ETH_P_ARP)) as sock:
    sock.bind(("eth0", arp.ETH_P_ARP))
    mac = sock.getsockname()[4]
    print(mac.hex(":"), flush=True)
    while True:
        asked = arp.parse(sock.recv(2048))
        if asked is not None and asked.operation is arp.Operation.REQUEST and asked.target == wanted:
            reply = arp.ArpPacket(arp.Operation.REPLY, mac, wanted, asked.sender_mac, asked.sender)
            sock.send(arp.frame(reply, asked.sender_mac))
"""


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def home(rig: Rig) -> tuple[Server, Server]:
    """Both servers run; each holds its group. The client is the router of the site file, too."""
    run("ip", "-n", rig.client, "addr", "add", "192.168.0.1/24", "dev", "eth0")
    rig.start()
    one, two = rig.servers.values()
    return one, two


@contextmanager
def filtered(server: Server) -> Iterator[None]:
    """The server's kernel gets no ARP any more; packet sockets do."""
    run(*inside(server.namespace), "nft", FILTER)
    try:
        yield
    finally:
        run(*inside(server.namespace), "nft", "delete table arp no_arp")


@contextmanager
def answering(rig: Rig, group: str) -> Iterator[str]:
    """The client answers ARP for the group's address, and announces nothing; its MAC address."""
    command = [*inside(rig.client), sys.executable, "-c", ANSWERER, VIPS[group]]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.kill()


def alarms(server: Server) -> dict[tuple[str, str], str]:
    return {(one["code"], one["subject"]): one["text"] for one in server.ask("status")["alarms"]}


def switched_off(rig: Rig, server: Server) -> None:
    """Nothing of it is heard or answers any more."""
    assert server.agent is not None
    server.ip("link set eth0 down")
    server.ip("link set eth1 down")
    server.agent.kill()
    server.agent.wait(60)


def test_where_arp_is_filtered_the_address_moves_and_comes_back(
    rig: Rig, home: tuple[Server, Server]
) -> None:
    one, two = home
    with filtered(one):
        until(lambda: two.holds("first") and not one.holds("first"), "the group moves", rig)
        assert ("lan-unanswered", "server1") in alarms(one)
        assert ("lan-unanswered", "server1") in alarms(two)
        with pytest.raises(AssertionError, match="back"):
            until(lambda: one.holds("first"), "back", rig, 6.0)
    until(lambda: one.holds("first") and not two.holds("first"), "the first group is home", rig)


def test_where_it_is_filtered_on_both_nothing_moves(rig: Rig, home: tuple[Server, Server]) -> None:
    one, two = home
    with filtered(one), filtered(two):
        with pytest.raises(AssertionError, match="a move"):
            until(lambda: not (one.holds("first") and two.holds("second")), "a move", rig, 8.0)
        assert ("lan-unanswered", "server2") in alarms(one)
        assert ("lan-unanswered", "server1") in alarms(two)


def test_a_host_that_only_answers_is_named(rig: Rig, home: tuple[Server, Server]) -> None:
    one, _ = home
    with answering(rig, "first") as mac:
        until(lambda: mac in alarms(one).get(("address-conflict", "first"), ""), "its MAC is told", rig)
        assert one.holds("first")


def test_after_the_holders_death_it_does_not_hold_the_claim_off(
    rig: Rig, home: tuple[Server, Server]
) -> None:
    one, two = home
    with answering(rig, "first") as mac:
        until(lambda: ("address-conflict", "first") in alarms(one), "it is known", rig)
        switched_off(rig, one)
        until(lambda: two.holds("first"), "server2 has the group", rig)
        until(lambda: mac in alarms(two).get(("address-conflict", "first"), ""), "its MAC is told", rig)
        with pytest.raises(AssertionError, match="let go"):
            until(lambda: not two.holds("first"), "let go", rig, 4.0)
