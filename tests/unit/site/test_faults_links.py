"""Serial links in a site file: what is accepted, and one change -> this path, a remedy that says this."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sitechange import GOOD, SERVER3, Change, both, drop, faults_of, put
from twinboot import daemons
from twinboot.site import Site, parse
from twinboot.site.checks.serial import bytes_on_line, heartbeat_bytes
from twinboot.site.loading.draft import draft_of
from twinboot.site.model.site import SerialLink
from twinboot.wire.cluster.framing import frame
from twinboot.wire.cluster.heartbeat import HeartbeatCodec, max_heartbeat_bytes

ONE, TWO = "servers.server1.links.cable", "servers.server2.links.cable"
CABLE = {"kind": "serial", "device": "/dev/ttyS0"}
DAEMONS = daemons.names(daemons.EVERYWHERE)


def good_cable(site: dict[str, Any]) -> None:
    both(put(ONE, dict(CABLE)), put(TWO, dict(CABLE)))(site)


def site_with(*changes: Change) -> Site:
    document: dict[str, Any] = copy.deepcopy(GOOD)
    for change in changes:
        change(document)
    return parse(document)


CASES: list[tuple[str, Change, str, str]] = [
    ("no device", drop(f"{ONE}.device"), f"{ONE}.device", "required: serial: this server's port"),
    ("no kind", drop(f"{ONE}.kind"), f"{ONE}.kind", "required: write serial"),
    ("device elsewhere", put(f"{ONE}.device", "/tmp/ttyS0"), f"{ONE}.device", "such as /dev/ttyS0"),
    ("device by a way around", put(f"{ONE}.device", "/dev/../etc/x"), f"{ONE}.device", "such as /dev/ttyS0"),
    ("no such speed", put(f"{ONE}.speed", 115000), f"{ONE}.speed", "the nearest is 115200"),
    ("speed as text", put(f"{ONE}.speed", "fast"), f"{ONE}.speed", "a whole number"),
    ("an address on it", put(f"{ONE}.address", "10.0.0.9"), f"{ONE}.address", "known: device, kind, speed"),
    ("a device on udp", put("servers.server1.links.lan.device", "/dev/ttyS0"),
     "servers.server1.links.lan.device", "known: address, interface, kind"),
    ("speeds differ", put(f"{TWO}.speed", 57600), f"{TWO}.speed", "servers.server1, has 115200"),
    ("kinds differ", put(TWO, {"kind": "udp", "address": "10.0.9.2", "interface": "eth1"}), f"{TWO}.kind",
     "servers.server1 says serial"),
    ("one end", drop(TWO), ONE, "a link needs both ends"),
    ("three ends", put("servers.server3", {**SERVER3, "links": {"lan": {}, "cable": CABLE}}),
     "servers.server3.links.cable", "a cable has two ends, servers.server1 and servers.server2"),
    ("two cables in one port", both(put("servers.server1.links.second", CABLE),
                                    put("servers.server2.links.second", {**CABLE, "device": "/dev/ttyS1"})),
     "servers.server1.links.second.device", "servers.server1.links.cable already"),
    ("too slow", both(put(f"{ONE}.speed", 1200), put(f"{TWO}.speed", 1200)), f"{ONE}.speed",
     "write 19200 or more, or heartbeat.timers.warntime_s: "),
    ("too slow for short timers", both(put("heartbeat.timers.interval_s", 0.02),
                                       put("heartbeat.timers.warntime_s", 0.03)),
     f"{ONE}.speed", "write 460800 or more"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "path", "remedy"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_fault_names_path_and_remedy(change: Change, path: str, remedy: str) -> None:
    faults = faults_of(good_cable, change)
    assert [fault.path for fault in faults] == [path], "\n".join(map(str, faults))
    assert remedy in faults[0].remedy


def test_a_serial_link_stands_beside_the_others() -> None:
    site = site_with(good_cable)
    link = site.servers["server2"].links["cable"]
    assert isinstance(link, SerialLink)
    assert (link.device, link.speed) == ("/dev/ttyS0", 115200)
    assert parse(site.model_dump(mode="json")) == site


def test_every_fault_of_a_serial_link_is_told_at_once() -> None:
    wrong = {"kind": "serial", "device": "ttyS0", "speed": 1, "adress": 1}
    faults = faults_of(good_cable, put(ONE, wrong))
    assert sorted(fault.path for fault in faults) == [f"{ONE}.adress", f"{ONE}.device", f"{ONE}.speed"]


def test_what_the_remedy_says_is_accepted() -> None:
    slow = both(good_cable, put(f"{ONE}.speed", 9600), put(f"{TWO}.speed", 9600))
    (fault,) = faults_of(slow)
    wait_s = float(fault.remedy.rpartition(" ")[2])
    timers = both(put("heartbeat.timers.warntime_s", wait_s), put("heartbeat.timers.deadtime_s", 2 * wait_s))
    site_with(slow, timers, put("heartbeat.timers.address_lifetime_s", 4 * wait_s))
    faster = both(put(f"{ONE}.speed", 19200), put(f"{TWO}.speed", 19200))
    site_with(slow, faster)


NAMES = st.lists(st.text("abcdefgh", min_size=1, max_size=12), min_size=2, max_size=16, unique=True)


@given(NAMES, NAMES, st.lists(st.text("xyz", min_size=1, max_size=8), max_size=4, unique=True))
def test_the_largest_heartbeat_is_known_well_enough(
    servers: list[str], groups: list[str], links: list[str]
) -> None:
    document = {
        "cluster": "rack1",
        "servers": {
            name: {"address": f"10.0.0.{at}", "interface": "eth0",
                   "links": {link: {} for link in ("lan", *links)}}
            for at, name in enumerate(servers)
        },
        "groups": {
            name: {"address": f"10.0.1.{at}", "order": servers, "services": ["dhcpd"] if at == 0 else []}
            for at, name in enumerate(groups)
        },
    }  # fmt: skip
    codec = HeartbeatCodec("rack1", [bytes(32)])
    exact = max_heartbeat_bytes(codec, servers=servers, groups=groups, services=("dhcpd",), daemons=DAEMONS,
                    links=("lan", *links), cluster="rack1")
    assert exact <= heartbeat_bytes(draft_of(document)) <= exact + 120


@given(st.binary(min_size=32, max_size=32), st.integers(100, 1300))
def test_a_frame_is_hardly_longer_than_reckoned(signature: bytes, size: int) -> None:
    message = bytes(size) + signature
    assert len(frame(message)) <= bytes_on_line(len(message)) + 8
