"""The lab driver's own arithmetic: addresses, sites, log lines, what the prober saw."""

from __future__ import annotations

from ipaddress import IPv4Network
from pathlib import Path

import pytest
from twinlab import LabError
from twinlab.faults import serialline
from twinlab.host import engine, labsite, layout
from twinlab.host.layout import moved, site_networks
from twinlab.measure import events, prober

LAN, CABLE = IPv4Network("192.168.0.0/24"), IPv4Network("10.0.0.0/24")


def test_a_site_moves_as_a_whole() -> None:
    site = {"a": "192.168.0.253", "b": ["10.0.0.1/24", 7], "c": {"d": "url http://192.168.0.254/x"}}
    assert moved(site, [LAN, CABLE], 3) == {
        "a": "192.168.3.253", "b": ["10.0.3.1/24", 7], "c": {"d": "url http://192.168.3.254/x"},
    }  # fmt: skip
    assert moved(site, [LAN, CABLE], 0) == site


def test_the_example_has_a_lan_and_a_crossover() -> None:
    lan, router, crossover = site_networks(labsite.prepare(None, 2))
    assert (lan, str(router), crossover) == (LAN, "192.168.0.1", CABLE)


def test_a_lab_takes_no_network_that_the_engine_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also beside networks without addresses, as `host` is."""
    there = [{"IPAM": {"Config": None}}, {"IPAM": {"Config": [{"Subnet": "192.168.1.0/24"}]}}]
    monkeypatch.setattr(engine, "networks", lambda: there)
    chosen = layout.choose("other", labsite.prepare(None, 2), default=False)
    assert not chosen.lan.overlaps(IPv4Network("192.168.1.0/24"))


@pytest.mark.parametrize("count", [2, 3, 16])
@pytest.mark.parametrize("example", ["parity", "dns"])
def test_any_number_of_servers_gives_a_valid_site(count: int, example: str) -> None:
    site = labsite.prepare(labsite.ROOT / f"config/examples/{example}.yaml", count)
    assert len(site["servers"]) == count
    for group in site["groups"].values():
        assert sorted(group["order"]) == sorted(site["servers"])
    labsite.check(site)


def test_the_first_two_servers_have_a_serial_line() -> None:
    site = labsite.prepare(None, 3)
    assert serialline.cables(site) == ["serial:115200:server1:server2"]
    assert serialline.ports(site["servers"]["server1"]) == {"serial": "/dev/ttyS0"}
    assert serialline.ports(site["servers"]["server3"]) == {}


def test_serial_lines_of_the_site_itself_are_kept_and_not_doubled(tmp_path: Path) -> None:
    site = labsite.read(labsite.DEFAULT_SITE)
    for server in site["servers"].values():
        server["links"]["cable"] = {"kind": "serial", "device": "/dev/ttyS1", "speed": 57600}
    (tmp_path / "s.yaml").write_text(labsite.dump(site))
    for count in (2, 4):
        found = labsite.prepare(tmp_path / "s.yaml", count)
        assert serialline.cables(found) == ["cable:57600:server1:server2"]
        labsite.check(found)


def test_seventeen_servers_are_refused() -> None:
    with pytest.raises(LabError, match="2 to 16"):
        labsite.prepare(None, 17)


def test_hardware_addresses_stay_text(tmp_path: Path) -> None:
    text = "servers: {a: {}}\nsubnets: [1]\nhosts: {x: {mac: 52:54:00:00:01:28}}\nversion: 1\n"
    (tmp_path / "s.yaml").write_text(text)
    site = labsite.read(tmp_path / "s.yaml")
    assert site["hosts"]["x"]["mac"] == "52:54:00:00:01:28"
    assert site["version"] == 1
    assert "'52:54:00:00:01:28'" in labsite.dump(site)


def test_merge_goes_to_every_depth() -> None:
    assert labsite.merge({"a": {"b": 1, "c": 2}}, {"a": {"b": 3}, "d": 4}) == {"a": {"b": 3, "c": 2}, "d": 4}
    assert labsite.merge({"a": {"b": 1, "c": 2}, "d": 4}, {"a": {"b": None}, "d": None}) == {"a": {"c": 2}}


def test_a_log_line_is_an_event() -> None:
    line = '2026-11-22T17:00:00.123Z INFO server1 group-claimed group=first reason="server2 dead: 1.02 s"\n'
    event = events.parse(line)
    assert event is not None
    assert (event.server, event.name, event.level) == ("server1", "group-claimed", "INFO")
    assert event.fields == {"group": "first", "reason": "server2 dead: 1.02 s"}
    assert event.time == pytest.approx(1795366800.123)
    assert events.parse("Traceback (most recent call last):") is None


def test_the_prober_tells_holders_gaps_and_doubles() -> None:
    lines = [
        "1.00 ask 1", "1.00 arp 10.0.0.9 aa 1", "1.00 ping 10.0.0.9 1",
        "1.02 ask 2", "1.02 arp 10.0.0.9 aa 2", "1.02 ping 10.0.0.9 2",
        "2.00 gratuitous 10.0.0.9 bb",
        "2.02 ask 3", "2.02 arp 10.0.0.9 bb 3",
        "2.04 ask 4", "2.04 arp 10.0.0.9 bb 4", "2.05 arp 10.0.0.9 aa 4", "2.30 ping 10.0.0.9 4",
        "2.30 arp 10.0.0.8 aa 4", "half a li",
    ]  # fmt: skip
    seen = prober.parse(lines, ["10.0.0.9"])["10.0.0.9"]
    assert seen.holders() == [(1.00, "aa"), (2.02, "bb"), (2.05, "aa")]
    assert seen.gaps() == [prober.Gap(1.02, 2.02)]
    assert seen.doubles() == [(2.05, ("aa", "bb"))]
    assert seen.announcements == ((2.00, "bb"),)
