"""Faults of the file, of servers and of groups: one change -> this path, a remedy that says this."""

from __future__ import annotations

import pytest
from sitechange import FAR, SERVER3, Change, add, both, drop, faults_of, put

CASES: list[tuple[str, Change, str, str]] = [
    # the file as a whole
    ("version of a later time", put("version", 2), "version", "write 1"),
    ("no version", drop("version"), "version", "required"),
    ("no servers", drop("servers"), "servers", "required"),
    ("servers as a list", put("servers", []), "servers", "must be a mapping"),
    ("subnets as a mapping", put("subnets", {}), "subnets", "must be a list"),
    ("unknown section", put("host", {}), "host", "did you mean 'hosts'?"),
    ("unknown key", put("servers.server1.adress", "x"), "servers.server1.adress", "did you mean 'address'?"),
    ("unknown key deep", put("heartbeat.timers.dedtime_s", 1), "heartbeat.timers.dedtime_s", "'deadtime_s'"),
    ("unknown key in a list", put("subnets.0.routers", "x"), "subnets[0].routers", "did you mean 'router'?"),
    (
        "unknown key in a link",
        put("servers.server1.links.lan.ip", "x"),
        "servers.server1.links.lan.ip",
        "known:",
    ),
    ("cluster name", put("cluster", "rack 1"), "cluster", "plain name"),
    ("domain", put("domain", "example_lan"), "domain", "such as example.lan"),
    ("domain with a dot", put("domain", "example.lan."), "domain", "no dot at the end"),
    ("domain that is an address", put("domain", "10.0.0.1"), "domain", "last label is a number"),
    ("domain too long", put("domain", ".".join(["a" * 60] * 4)), "domain", "not a domain name"),
    # servers and links
    (
        "one server",
        both(
            drop("servers.server2"),
            put("groups.first.order", ["server1"]),
            put("groups.second.order", ["server1"]),
            drop("servers.server1.links"),
        ),
        "servers",
        "2 to 16",
    ),
    ("server name", both(put("servers.srv_3", SERVER3)), "servers.srv_3", "RFC 1123"),
    ("server names in case only", put("servers.SERVER1", SERVER3), "servers.SERVER1", "case only"),
    (
        "server address",
        put("servers.server1.address", "192.168.0.256"),
        "servers.server1.address",
        "four numbers",
    ),
    (
        "server address as a number",
        put("servers.server1.address", 5),
        "servers.server1.address",
        "four numbers",
    ),
    (
        "server in no subnet",
        put("servers.server1.address", "172.16.0.1"),
        "servers.server1.address",
        "in no subnet",
    ),
    ("server without address", drop("servers.server1.address"), "servers.server1.address", "required"),
    ("interface", put("servers.server1.interface", "eth 0"), "servers.server1.interface", "ip link"),
    (
        "interface too long",
        put("servers.server1.interface", "e" * 16),
        "servers.server1.interface",
        "ip link",
    ),
    ("link kind", put("servers.server1.links.lan.kind", "ipx"), "servers.server1.links.lan.kind", "'udp' or"),
    (
        "half a link",
        drop("servers.server1.links.crossover.interface"),
        "servers.server1.links.crossover.interface",
        "required",
    ),
    (
        "link on a virtual address",
        put("servers.server1.links.crossover.address", "192.168.0.253"),
        "servers.server1.links.crossover.address",
        "is a virtual address",
    ),
    (
        "same link address twice",
        put("servers.server2.links.crossover.address", "10.0.0.1"),
        "servers.server2.links.crossover.address",
        "servers.server1.links.crossover",
    ),
    (
        "link address of another server",
        put("servers.server1.links.crossover.address", "192.168.0.252"),
        "servers.server1.links.crossover.address",
        "is the address of servers.server2",
    ),
    (
        "two links on one address",
        put("servers.server1.links.crossover", {"address": "192.168.0.251", "interface": "eth0"}),
        "servers.server1.links.lan.address",
        "crossover",
    ),
    (
        "link on loopback",
        put("servers.server1.links.crossover.address", "127.0.0.1"),
        "servers.server1.links.crossover.address",
        "no address of a network card",
    ),
    (
        "link on the wrong interface",
        put("servers.server1.links.lan", {"address": "192.168.0.251", "interface": "eth1"}),
        "servers.server1.links.lan.interface",
        "eth0",
    ),
    ("no links at all", both(put("servers.server1.links", {})), "servers.server1.links", "at least one link"),
    # groups
    ("no groups", drop("groups"), "groups", "required"),
    ("empty groups", put("groups", {}), "groups", "at least one group"),
    (
        "order of unknown server",
        put("groups.first.order", ["server1", "sever2"]),
        "groups.first.order[1]",
        "did you mean 'server2'?",
    ),
    (
        "server twice in an order",
        put("groups.first.order", ["server1", "server2", "server1"]),
        "groups.first.order[2]",
        "once",
    ),
    ("empty order", put("groups.first.order", []), "groups.first.order", "at least 1"),
    ("order as text", put("groups.first.order", "server1"), "groups.first.order", "must be a list"),
    ("no dhcpd", put("groups.first.services", []), "groups", "services: [dhcpd]"),
    (
        "two dhcpd",
        put("groups.second.services", ["dhcpd"]),
        "groups.second.services",
        "one dhcpd group serves every subnet",
    ),
    ("dhcpd twice", put("groups.first.services", ["dhcpd", "dhcpd"]), "groups.first.services[1]", "already"),
    ("unknown service", put("groups.first.services", ["dhcp"]), "groups.first.services[0]", "'dhcpd'"),
    (
        "weights too big",
        both(put("groups.first.weight", 100), put("groups.second.weight", 99)),
        "groups",
        "at most 128",
    ),
    ("no weight", put("groups.first.weight", 0), "groups.first.weight", "not below 1"),
    ("half a weight", put("groups.first.weight", 1.5), "groups.first.weight", "whole number"),
    (
        "virtual address is a server's",
        put("groups.first.address", "192.168.0.252"),
        "groups.first.address",
        "a server's address already: servers.server2.address",
    ),
    (
        "virtual address twice",
        put("groups.second.address", "192.168.0.253"),
        "groups.second.address",
        "groups.first.address",
    ),
    (
        "virtual address in the range",
        put("groups.first.address", "192.168.0.170"),
        "groups.first.address",
        "inside the dynamic range of subnets[0]",
    ),
    (
        "virtual address in no subnet",
        put("groups.first.address", "192.168.1.253"),
        "groups.first.address",
        "in no subnet",
    ),
    (
        "virtual address in another subnet",
        both(add("subnets", {**FAR, "relays": ["192.168.7.1"]}), put("groups.first.address", "192.168.7.9")),
        "groups.first.address",
        "could not hold it",
    ),
    (
        "virtual address is the network",
        put("groups.first.address", "192.168.0.0"),
        "groups.first.address",
        "network address",
    ),
    (
        "virtual address is the broadcast",
        put("groups.first.address", "192.168.0.255"),
        "groups.first.address",
        "broadcast address",
    ),
]


@pytest.mark.parametrize(
    ("change", "path", "remedy"), [case[1:] for case in CASES], ids=[c[0] for c in CASES]
)
def test_fault_names_path_and_remedy(change: Change, path: str, remedy: str) -> None:
    faults = faults_of(change)
    assert [fault.path for fault in faults] == [path], "\n".join(map(str, faults))
    assert remedy in faults[0].remedy
