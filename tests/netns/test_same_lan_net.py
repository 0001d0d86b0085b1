"""Two network cards of a server in one LAN: found by what is heard, quiet by the settings that are told."""

from __future__ import annotations

import ctypes
import os
import select
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from twinboot.adapters.lan.arp import ArpProber
from twinboot.adapters.lan.same_lan import heard_on
from twinboot.commands.checking import cards, machine
from twinboot.errors import ResourceError
from twinboot.site import loads

CLONE_NEWNET = 0x40000000
OWN, VIP, CABLE = (IPv4Address(text) for text in ("192.168.0.251", "192.168.0.253", "10.0.0.1"))
SITE = """
version: 1
cluster: rig
domain: example.lan
servers:
  server1:
    address: 192.168.0.251
    interface: eth0
    links: {lan: {}, two: {address: 10.0.0.1, interface: eth1}}
  server2:
    address: 192.168.0.252
    interface: eth0
    links: {lan: {}, two: {address: 10.0.0.2, interface: eth1}}
groups:
  first: {address: 192.168.0.253, order: [server1, server2], services: [dhcpd]}
subnets:
  - {network: 192.168.0.0/24}
"""
_libc = ctypes.CDLL(None, use_errno=True)


def ip(words: str) -> None:
    subprocess.run(["ip", *words.split()], check=True, capture_output=True, text=True)


@contextmanager
def another() -> Iterator[int]:
    """This thread in a network namespace of its own, which others may enter by the number."""
    with open("/proc/thread-self/ns/net") as home:
        assert _libc.unshare(CLONE_NEWNET) == 0
        handle = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        try:
            yield handle
        finally:
            assert _libc.setns(home.fileno(), CLONE_NEWNET) == 0
            os.close(handle)


@pytest.fixture
def switch() -> Iterator[Callable[[], set[str]]]:
    """In the server's namespace: eth0 and eth1 in one switch, which is in another one, eth2 on a cable to it.

    Gives what a client there hears who asks for the virtual address: the hardware addresses that answer.
    """
    with another() as elsewhere:
        ip("link add lan type bridge")
        ip("link set lan up")
        ip("addr add 192.168.0.9/24 dev lan")
        with another():
            ip("link set lo up")
            for name in ("eth0", "eth1", "eth2"):
                ip(f"link add {name} type veth peer name to-{name} netns /proc/{os.getpid()}/fd/{elsewhere}")
                ip(f"link set {name} up")
            ip(f"addr add {OWN}/24 dev eth0")
            ip(f"addr add {VIP}/32 dev eth0")
            ip(f"addr add {CABLE}/24 dev eth1")
            with open("/proc/thread-self/ns/net") as server:
                assert _libc.setns(elsewhere, CLONE_NEWNET) == 0
                for name in ("eth0", "eth1", "eth2"):
                    ip(f"link set to-{name} up")
                    if name != "eth2":
                        ip(f"link set to-{name} master lan")
                assert _libc.setns(server.fileno(), CLONE_NEWNET) == 0

                def answers() -> set[str]:
                    assert _libc.setns(elsewhere, CLONE_NEWNET) == 0
                    try:
                        return asked()
                    finally:
                        assert _libc.setns(server.fileno(), CLONE_NEWNET) == 0

                yield answers


def asked() -> set[str]:
    with closing(ArpProber("lan")) as client:
        heard = set()
        for _ in range(3):
            client.probe(VIP)
            end = time.monotonic() + 0.3  # silence is what is tested: that no other one answers
            while (left_s := end - time.monotonic()) > 0:
                if select.select([client], [], [], left_s)[0]:
                    heard |= {one.sender_mac.hex(":") for one in client.receive() if one.sender == VIP}
        return heard


def mac(name: str) -> str:
    with closing(ArpProber(name)) as prober:
        return prober.mac.hex(":")


def test_the_card_in_the_same_switch_is_heard_and_the_one_on_a_cable_is_not(
    switch: Callable[[], set[str]]
) -> None:
    assert heard_on("eth0", ["eth1", "eth2", "nothing"], OWN) == {"eth1"}
    ip("link set eth1 down")
    assert heard_on("eth0", ["eth1", "eth2"], OWN) == frozenset()
    with pytest.raises(ResourceError):
        heard_on("nothing", ["eth1"], OWN)


def test_both_answer_until_the_settings_that_are_told_are_made(
    switch: Callable[[], set[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    # /sys shows the namespace that it was mounted in
    monkeypatch.setattr(machine, "interfaces", lambda: ["eth0", "eth1", "eth2"])
    monkeypatch.setattr(machine, "interface", lambda _: machine.Interface(True, True))
    site = loads(SITE)
    assert switch() == {mac("eth0"), mac("eth1")}, "the fault, without a cure"
    settings = cards.kernel_settings(site, "server1")
    assert settings == {"net/ipv4/conf/eth1/arp_ignore": 1, "net/ipv4/conf/eth1/arp_announce": 2}
    for name, value in settings.items():
        Path("/proc/sys", name).write_text(str(value))
    assert switch() == {mac("eth0")}
    assert cards.kernel_settings(site, "server1") == {}
