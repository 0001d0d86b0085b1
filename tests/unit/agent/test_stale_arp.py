"""What is done for clients with a stale ARP entry: which hardware addresses count, and where frames go."""

from __future__ import annotations

import json
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from coredriver import CONFIG, HOLDS_FIRST, OWN_MAC, PEER_MAC, Driver, holding, starting
from twinboot.adapters.lan.stale_arp import Diversion
from twinboot.agent.settings import Settings, settings_for
from twinboot.agent.vip.stale_arp import diversion, hardware_addresses, parse, serialize
from twinboot.site import loads

EXAMPLE = Path(__file__).parents[3] / "config/examples/parity.yaml"
SETTINGS = settings_for(loads(EXAMPLE.read_text()), "server1")
FIRST, TWO = IPv4Address("192.168.0.253"), IPv4Address("192.168.0.252")
NEW_MAC = bytes.fromhex("020000000003")


def heard(settings: Settings = SETTINGS, known: dict[str, bytes] | None = None, **said: object) -> Diversion:
    driver = starting()
    driver.observe_lan()
    driver.peer_says(1.0, groups=HOLDS_FIRST, **said)
    return diversion(driver.state, settings, known or {})


def test_frames_for_what_a_live_peer_holds_go_to_its_own_address() -> None:
    wanted = heard()
    assert wanted.holders == {FIRST: TWO}
    assert wanted.peers == {PEER_MAC}
    assert wanted.silent_peers == frozenset()


def test_frames_of_a_dead_peer_are_taken_in_and_go_nowhere_else() -> None:
    driver = holding(replace(CONFIG, groups=(CONFIG.groups[0],)))
    driver.peer_says(1.0)
    driver.wait(3.0)
    wanted = diversion(driver.state, SETTINGS, {})
    assert (wanted.silent_peers, wanted.holders) == ({PEER_MAC}, {})


def test_without_the_peers_mac_nothing_is_sent_on_for_its_frames_could_not_be_told_from_clients() -> None:
    assert heard(mac=b"").holders == {}
    assert heard(mac=b"", known={"server2": NEW_MAC}).holders == {FIRST: TWO}


def test_a_holder_that_is_not_on_this_lan_cannot_be_sent_to() -> None:
    assert heard(replace(SETTINGS, peer_addresses={"server2": IPv4Address("10.9.9.9")})).holders == {}


@pytest.mark.parametrize("mac", [OWN_MAC, bytes(6), b"\xff" * 6, bytes.fromhex("01005e000001")])
def test_what_cannot_be_a_peers_address_is_not_used(mac: bytes) -> None:
    """Our own, none, everybody's, a group's: taking such frames for ours would harm others."""
    assert heard(mac=mac).peers == frozenset()


def macs(driver: Driver, known: dict[str, bytes]) -> dict[str, bytes]:
    return hardware_addresses(driver.state, known)


def test_what_was_kept_holds_until_the_peer_says_something_else() -> None:
    driver = starting()
    assert macs(driver, {"server2": NEW_MAC}) == {"server2": NEW_MAC}
    driver.peer_says(1.0)
    assert macs(driver, {"server2": NEW_MAC}) == {"server2": PEER_MAC}


def test_the_file_holds_what_was_written() -> None:
    known = {"server2": PEER_MAC}
    assert parse(serialize(known), ("server2",)) == known
    assert parse(serialize(known), ("server3",)) == {}, "it is no peer any more"
    assert parse(None, ("server2",)) == {}


@pytest.mark.parametrize("data", [
    b"", b"[]", b"{}", b'{"version": 1}', b'{"version": 1, "macs": []}',
    b'{"version": 1, "macs": {"server2": 5}}', b'{"version": 1, "macs": {"server2": "zz"}}',
    b'{"version": 2, "macs": {}}', b"[" * 5000,
])  # fmt: skip
def test_another_file_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"version|file"):
        parse(data, ("server2",))


def test_an_address_of_another_length_is_left_out() -> None:
    data = json.dumps({"version": 1, "macs": {"server2": "02:00"}}).encode()
    assert parse(data, ("server2",)) == {}
