"""Faults together: how they read, several at once, and none that only follows from another."""

from __future__ import annotations

import copy
from typing import Any

from sitechange import FAR, GOOD, HOST, SERVER3, drop, faults_of, put
from twinboot.site import parse


def test_a_fault_reads_as_one_line() -> None:
    [fault] = faults_of(put("hosts.cli128.mac", "52:54:00:zz"))
    assert str(fault) == (
        "hosts.cli128.mac: '52:54:00:zz': not a MAC address; "
        "write six pairs of hex digits such as 52:54:00:00:01:28"
    )


def test_a_link_only_one_server_has() -> None:
    faults = faults_of(put("servers.server1.links.serial", {"address": "10.9.0.1", "interface": "eth2"}))
    assert [fault.path for fault in faults] == ["servers.server1.links.serial"]
    assert "both ends" in faults[0].remedy


def test_servers_without_a_common_link() -> None:
    faults = faults_of(drop("servers.server1.links.crossover"), drop("servers.server2.links.lan"))
    paths = {fault.path for fault in faults}
    assert {"servers.server1.links.lan", "servers.server2.links.crossover", "servers.server1.links"} == paths


def test_seventeen_servers_are_too_many() -> None:
    many = {f"s{n}": {**SERVER3, "address": f"192.168.0.{n + 10}"} for n in range(15)}
    faults = faults_of(lambda site: site["servers"].update(many))
    assert [(fault.path, fault.value) for fault in faults] == [("servers", 17)]


def test_a_far_subnet_with_a_relay_is_good() -> None:
    site = copy.deepcopy(GOOD)
    site["subnets"].append({**FAR, "relays": ["192.168.7.1"]})
    assert parse(site).subnets[1].relays


def test_ranges_that_are_too_many_together() -> None:
    def change(site: dict[str, Any]) -> None:
        for net in (1, 2):
            site["subnets"].append(
                {
                    "network": f"10.{net}.0.0/16",
                    "relays": [f"10.{net}.255.1"],
                    "profile": "rh9",
                    "range": {"first": f"10.{net}.0.1", "last": f"10.{net}.200.0"},
                }
            )
        for server in site["servers"].values():
            del server["links"]

    [fault] = faults_of(change)
    assert fault.path == "subnets"
    assert "at most 65536 together" in fault.remedy


def test_every_fault_is_told_at_once() -> None:
    """One in each section; the sound parts of every section are still checked against each other."""
    faults = faults_of(
        put("domain", "bad_domain"),
        put("balancing.mode", "x"),
        put("servers.server1.interface", "eth 0"),
        put("groups.first.order", ["nobody"]),
        put("groups.second.address", "192.168.0.252"),
        put("subnets.0.lease_s", "long"),
        put("profiles.rh9.tree", "none"),
        put("hosts.cli128.mac", "zz"),
        put("hosts.cli129.profile", "none"),
        put("hosts.cli130", {**HOST, "mac": "52:54:00:00:01:29"}),
        put("heartbeat.timers.address_lifetime_s", "x"),
        put("dns.records", [{"name": "x y", "type": "TXT", "value": "t"}, {"name": 1}]),
        put("extra", 1),
    )
    assert sorted(fault.path for fault in faults) == sorted(
        [
            "balancing.mode",
            "dns.records[0].name",
            "dns.records[1].name",
            "dns.records[1].type",
            "dns.records[1].value",
            "domain",
            "extra",
            "groups.first.order[0]",
            "groups.second.address",
            "heartbeat.timers.address_lifetime_s",
            "hosts.cli128.mac",
            "hosts.cli129.profile",
            "hosts.cli130.mac",
            "profiles.rh9.tree",
            "servers.server1.interface",
            "subnets[0].lease_s",
        ]
    )


def test_a_broken_server_is_no_unknown_server() -> None:
    faults = faults_of(put("servers.server2.address", "x"))
    assert [fault.path for fault in faults] == ["servers.server2.address"]
