"""Faults of subnets and hosts: one change -> this path, and a remedy that says this."""

from __future__ import annotations

import pytest
from sitechange import FAR, HOST, Change, add, both, drop, faults_of, put

CASES: list[tuple[str, Change, str, str]] = [
    # subnets
    ("no subnet", put("subnets", []), "subnets", "at least one network"),
    (
        "network without prefix",
        put("subnets.0.network", "192.168.0.0"),
        "subnets[0].network",
        "address/prefix",
    ),
    (
        "network with host bits",
        put("subnets.0.network", "192.168.0.1/24"),
        "subnets[0].network",
        "write 192.168.0.0/24",
    ),
    ("network too small", put("subnets.0.network", "192.168.0.0/31"), "subnets[0].network", "8 to 30"),
    ("multicast network", put("subnets.0.network", "224.0.0.0/24"), "subnets[0].network", "unicast"),
    ("overlap", add("subnets", {"network": "192.168.0.128/25"}), "subnets[1].network", "overlaps subnets[0]"),
    ("the same twice", add("subnets", {"network": "192.168.0.0/24"}), "subnets[1].network", "overlaps"),
    (
        "router outside",
        put("subnets.0.router", "192.168.1.1"),
        "subnets[0].router",
        "outside of 192.168.0.0/24",
    ),
    ("router is a server", put("subnets.0.router", "192.168.0.251"), "subnets[0].router", "servers.server1"),
    ("router in the range", put("subnets.0.router", "192.168.0.160"), "subnets[0].router", "dynamic range"),
    (
        "range reversed",
        put("subnets.0.range", {"first": "192.168.0.199", "last": "192.168.0.160"}),
        "subnets[0].range",
        "exchange",
    ),
    ("range outside", put("subnets.0.range.last", "192.168.1.10"), "subnets[0].range.last", "outside of"),
    (
        "range with the broadcast",
        both(put("subnets.0.range", {"first": "192.168.0.255", "last": "192.168.0.255"})),
        "subnets[0].range",
        "broadcast",
    ),
    (
        "range over network and broadcast",
        both(put("subnets.0.range", {"first": "192.168.0.0", "last": "192.168.0.255"})),
        "subnets[0].range",
        "the network address 192.168.0.0 and the broadcast address 192.168.0.255; leave them out",
    ),
    (
        "range over the servers",
        both(put("subnets.0.range", {"first": "192.168.0.200", "last": "192.168.0.254"})),
        "subnets[0].range",
        "holds fixed addresses: 192.168.0.251 (servers.server1.address), 192.168.0.252",
    ),
    ("lease too long", put("subnets.0.lease_s", 99_999_999), "subnets[0].lease_s", "not above 31536000"),
    ("half a range", drop("subnets.0.range.last"), "subnets[0].range.last", "required"),
    ("range without profile", drop("subnets.0.profile"), "subnets[0].profile", "required with a range"),
    (
        "subnet of unknown profile",
        put("subnets.0.profile", "rh8"),
        "subnets[0].profile",
        "did you mean 'rh9'?",
    ),
    ("far subnet without relay", add("subnets", FAR), "subnets[1].relays", "relay agents"),
    (
        "relay in another subnet",
        add("subnets", {**FAR, "relays": ["192.168.0.7"]}),
        "subnets[1].relays[0]",
        "outside of",
    ),
    (
        "relay is a server",
        add("subnets", {**FAR, "relays": ["192.168.0.251"]}),
        "subnets[1].relays[0]",
        "servers.server1",
    ),
    (
        "relay at 127.0.0.1",
        add("subnets", {**FAR, "relays": ["127.0.0.1"]}),
        "subnets[1].relays[0]",
        "giaddr",
    ),
    (
        "relay twice",
        add("subnets", {**FAR, "relays": ["192.168.7.1", "192.168.7.1"]}),
        "subnets[1].relays[1]",
        "already",
    ),
    ("lease too short", put("subnets.0.lease_s", 5), "subnets[0].lease_s", "not below 60"),
    (
        "huge range",
        both(
            add(
                "subnets",
                {
                    "network": "10.0.0.0/8",
                    "relays": ["10.255.0.1"],
                    "profile": "rh9",
                    "range": {"first": "10.1.0.0", "last": "10.2.0.0"},
                },
            ),
            put("servers.server1.links", None),
            put("servers.server2.links", None),
        ),
        "subnets[1].range",
        "at most 65536",
    ),
    # hosts
    ("bad MAC", put("hosts.cli128.mac", "52:54:00:zz"), "hosts.cli128.mac", "six pairs of hex digits"),
    ("multicast MAC", put("hosts.cli128.mac", "01:00:5e:00:00:01"), "hosts.cli128.mac", "multicast"),
    ("empty MAC", put("hosts.cli128.mac", "00:00:00:00:00:00"), "hosts.cli128.mac", "empty MAC"),
    ("MAC as a number", put("hosts.cli128.mac", 525400000128), "hosts.cli128.mac", "not a MAC"),
    (
        "MAC twice, in another form",
        put("hosts.cli129.mac", "52-54-00-00-01-28"),
        "hosts.cli129.mac",
        "cli128",
    ),
    (
        "host address twice",
        put("hosts.cli129.address", "192.168.0.128"),
        "hosts.cli129.address",
        "hosts.cli128",
    ),
    (
        "host on a virtual address",
        put("hosts.cli128.address", "192.168.0.254"),
        "hosts.cli128.address",
        "groups.second.address",
    ),
    ("host on the router", put("hosts.cli128.address", "192.168.0.1"), "hosts.cli128.address", "router"),
    (
        "host in the range",
        put("hosts.cli128.address", "192.168.0.160"),
        "hosts.cli128.address",
        "dynamic range",
    ),
    ("host outside", put("hosts.cli128.address", "192.168.9.9"), "hosts.cli128.address", "in no subnet"),
    ("host pinned to nothing", put("hosts.cli128.group", "third"), "hosts.cli128.group", "no such group"),
    ("host of unknown profile", put("hosts.cli128.profile", "rh8"), "hosts.cli128.profile", "'rh9'"),
    (
        "host without any profile",
        both(drop("hosts.cli128.profile"), drop("subnets.0.profile"), drop("subnets.0.range")),
        "hosts.cli128.profile",
        "has no profile",
    ),
    ("host name", put("hosts.cli_130", HOST), "hosts.cli_130", "RFC 1123"),
    ("host name with a dot", lambda site: site["hosts"].update({"a.b": HOST}), "hosts.a.b", "RFC 1123"),
    ("host named as a server", put("hosts.Server1", HOST), "hosts.Server1", "taken by servers.server1"),
    ("host named as the install name", put("hosts.ftp", HOST), "hosts.ftp", "install name"),
    ("hosts in case only", put("hosts.CLI128", HOST), "hosts.CLI128", "taken by hosts.cli128"),
    ("host named as a shared answer file", put("hosts.rh9-first", HOST), "hosts.rh9-first", "answer file"),
    ("static as text", put("hosts.cli128.static", "perhaps"), "hosts.cli128.static", "true or false"),
]


@pytest.mark.parametrize(
    ("change", "path", "remedy"), [case[1:] for case in CASES], ids=[c[0] for c in CASES]
)
def test_fault_names_path_and_remedy(change: Change, path: str, remedy: str) -> None:
    faults = faults_of(change)
    assert [fault.path for fault in faults] == [path], "\n".join(map(str, faults))
    assert remedy in faults[0].remedy
