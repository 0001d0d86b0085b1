"""What machines are known by, and the networks that they share."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from sitechange import FAR, GOOD, HOST, Change, add, both, faults_of, put
from twinboot.site import parse
from twinboot.site.checks.advice import advice

UUID = "564d2c3a-9f1b-4c57-8e0d-2f6a7b8c9d10"
GUID = "00:02:c9:03:00:0a:bc:de"
BESIDE = {"network": "192.168.8.0/24", "shared_network": "blue", "profile": "rh9"}
SHARED = both(put("subnets.0.shared_network", "blue"), add("subnets", BESIDE))
CASES: list[tuple[str, Change, str, str]] = [
    ("no MAC", put("hosts.cli128.mac", []), "hosts.cli128.mac", "1 to 32"),
    (
        "a bad one of several",
        put("hosts.cli128.mac", ["52:54:00:00:01:28", "52:54"]),
        "hosts.cli128.mac",
        "'52:54'",
    ),
    (
        "a card twice",
        put("hosts.cli128.mac", ["52:54:00:00:01:28", "52-54-00-00-01-28"]),
        "hosts.cli128.mac",
        "twice",
    ),
    (
        "a second card of another host",
        put("hosts.cli129.mac", ["52:54:00:00:01:29", "52:54:00:00:01:28"]),
        "hosts.cli129.mac",
        "hosts.cli128",
    ),
    (
        "the same port of InfiniBand in two forms",
        both(
            put("hosts.cli128.mac", GUID),
            put("hosts.cli129.mac", "80:00:02:08:fe:80:00:00:00:00:00:00:00:02:c9:03:00:0a:bc:de"),
        ),
        "hosts.cli129.mac",
        "hosts.cli128",
    ),
    ("seven octets", put("hosts.cli128.mac", "52:54:00:00:01:28:01"), "hosts.cli128.mac", "InfiniBand"),
    ("uneven groups", put("hosts.cli128.mac", "5254:00:00:01:28"), "hosts.cli128.mac", "not a MAC"),
    ("two signs", put("hosts.cli128.mac", "52:54:00-00:01:28"), "hosts.cli128.mac", "not a MAC"),
    ("no UUID", put("hosts.cli128.uuid", "564d2c3a"), "hosts.cli128.uuid", "dmidecode"),
    (
        "a UUID of many",
        put("hosts.cli128.uuid", "03000200-0400-0500-0006-000700080009"),
        "hosts.cli128.uuid",
        "leave it out",
    ),
    (
        "a UUID twice",
        both(put("hosts.cli128.uuid", UUID), put("hosts.cli129.uuid", UUID.upper())),
        "hosts.cli129.uuid",
        "hosts.cli128",
    ),
    (
        "a client identifier twice",
        both(put("hosts.cli128.client_id", ["01:02"]), put("hosts.cli129.client_id", ["0102"])),
        "hosts.cli129.client_id",
        "hosts.cli128",
    ),
    (
        "no client identifier",
        put("hosts.cli128.client_id", ["xx"]),
        "hosts.cli128.client_id[0]",
        "pairs of hex",
    ),
    (
        "the reserved name",
        put("hosts.twinboot-watch", HOST),
        "hosts.twinboot-watch",
        "taken by Twinboot itself",
    ),
    (
        "the reserved name in capitals",
        put("hosts.Twinboot-Watch", HOST),
        "hosts.Twinboot-Watch",
        "taken by Twinboot itself",
    ),
    (
        "a second address in its own subnet",
        put("hosts.cli128.addresses", ["192.168.0.140"]),
        "hosts.cli128.addresses[0]",
        "in the subnet of",
    ),
    (
        "a second address that is another's",
        put("hosts.cli128.addresses", ["192.168.0.251"]),
        "hosts.cli128.addresses[0]",
        "servers.server1",
    ),
    (
        "an address in no subnet",
        put("hosts.cli128.addresses", ["10.1.1.1"]),
        "hosts.cli128.addresses[0]",
        "in no subnet",
    ),
    ("a shared network of one subnet", put("subnets.0.shared_network", "blue"), "subnets[0].shared_network",
     "no other subnet"),
    (
        "ranges of different profiles on one shared network",
        both(
            put("subnets.0.shared_network", "blue"),
            put("profiles.other", {**GOOD["profiles"]["rh9"]}),
            add(
                "subnets",
                {**BESIDE, "profile": "other", "range": {"first": "192.168.8.9", "last": "192.168.8.9"}},
            ),
        ),
        "subnets[1].profile",
        "same profile",
    ),
    (
        "a loopback of a relay in a range",
        add("subnets", {**FAR, "relays": ["192.168.7.1", "192.168.0.170"]}),
        "subnets[1].relays[1]",
        "outside of",
    ),
]


@pytest.mark.parametrize(
    ("change", "path", "remedy"), [case[1:] for case in CASES], ids=[c[0] for c in CASES]
)
def test_fault_names_path_and_remedy(change: Change, path: str, remedy: str) -> None:
    faults = faults_of(change)
    assert path in [fault.path for fault in faults], "\n".join(map(str, faults))
    assert remedy in next(fault.remedy for fault in faults if fault.path == path)


def changed(*changes: Change) -> Any:
    document = copy.deepcopy(GOOD)
    for change in changes:
        change(document)
    return parse(document)


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("52:54:00:AB:01:28", "52:54:00:ab:01:28"),
        ("5254.00ab.0128", "52:54:00:ab:01:28"),
        ("525400ab0128", "52:54:00:ab:01:28"),
        ("0x0002c903000abcde", GUID),
        ("0002:c903:000a:bcde", GUID),
        (GUID, GUID),
        ("80-00-02-08-FE-80-00-00-00-00-00-00-00-02-C9-03-00-0A-BC-DE", GUID),
    ],
)
def test_hardware_addresses_as_operators_write_them(written: str, kept: str) -> None:
    assert changed(put("hosts.cli128.mac", written)).hosts["cli128"].mac == (kept,)
    both_cards = changed(put("hosts.cli128.mac", ["52:54:00:00:09:09", written])).hosts["cli128"]
    assert both_cards.mac == ("52:54:00:00:09:09", kept)
    assert len(both_cards.guids) == (kept == GUID)


def test_subnets_that_share_a_servers_wire_need_no_relay() -> None:
    site = changed(SHARED)
    assert [one.network.prefixlen for one in site.sharing_with(site.subnets[0])] == [24, 24]


def test_a_relay_with_a_loopback_is_good_and_told_what_it_needs() -> None:
    site = changed(add("subnets", {**FAR, "relays": ["10.255.0.1"]}))
    told = [fault for fault in advice(site) if "relays" in fault.path]
    assert [fault.path for fault in told] == ["subnets[1].relays[0]"]
    assert "RFC 3527" in told[0].remedy
    assert not [
        fault
        for fault in advice(changed(add("subnets", {**FAR, "relays": ["192.168.7.1"]})))
        if "relays" in fault.path
    ]


def test_what_is_read_is_written_back() -> None:
    site = changed(
        put("hosts.cli128.mac", [GUID, "52:54:00:00:01:28"]),
        put("hosts.cli128.uuid", UUID),
        put("hosts.cli128.disks", "largest"),
        put("hosts.cli128.network", {"interface": "ens3", "vlan": 7}),
    )
    assert parse(site.model_dump(mode="json")) == site
