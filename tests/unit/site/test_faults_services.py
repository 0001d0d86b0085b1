"""Faults of balancing, profiles, names, heartbeats: one change -> this path, a remedy that says this."""

from __future__ import annotations

import pytest
from sitechange import GOOD, Change, both, drop, faults_of, put, record

CASES: list[tuple[str, Change, str, str]] = [
    # balancing
    ("mode", put("balancing.mode", "odd"), "balancing.mode", "'parity', 'dns' or 'load'"),
    ("at_once in parity mode", put("balancing.at_once", 5), "balancing.at_once", "load mode alone"),
    (
        "none at once",
        both(put("balancing.mode", "load"), put("balancing.at_once", 0)),
        "balancing.at_once",
        "1",
    ),
    (
        "load mode without the takeover process",
        both(put("balancing.mode", "load"), put("takeover", "off")),
        "takeover",
        "leave one service on",
    ),
    (
        "install name is a server",
        both(put("balancing.name", "server1"), drop("dns")),
        "balancing.name",
        "servers.server1",
    ),
    (
        "weight in dns mode",
        both(put("balancing.mode", "dns"), put("groups.first.weight", 2)),
        "groups.first.weight",
        "balancing mode parity",
    ),
    (
        "pin in dns mode",
        both(put("balancing.mode", "dns"), put("hosts.cli128.group", "first")),
        "hosts.cli128.group",
        "balancing mode parity",
    ),
    # trees and profiles
    ("unknown tree", put("profiles.rh9.tree", "rh8"), "profiles.rh9.tree", "did you mean 'rh9'?"),
    ("tree with a long path", put("trees.rh9.path", "a" * 101), "trees.rh9.path", "longer than 100"),
    ("tree outside", put("trees.rh9.path", "../etc"), "trees.rh9.path", "no .."),
    ("tree from the root", put("trees.rh9.path", "/srv/rh9"), "trees.rh9.path", "no leading /"),
    ("kernel with a space", put("trees.rh9.kernel", "a b"), "trees.rh9.kernel", "plain relative path"),
    ("installer unknown", put("profiles.rh9.installer", "yast"), "profiles.rh9.installer", "'kickstart'"),
    ("version", put("profiles.rh9.version", "RHEL11"), "profiles.rh9.version", "RHEL10"),
    ("version as a number", put("profiles.rh9.version", 9), "profiles.rh9.version", "RHEL9"),
    ("method", put("profiles.rh9.method", "nfs"), "profiles.rh9.method", "'ftp' or 'http'"),
    (
        "mirror for an old release",
        both(put("profiles.rh9.version", "RHEL6"), put("profiles.rh9.mirror", True)),
        "profiles.rh9.mirror",
        "one address only",
    ),
    (
        "mirror in dns mode",
        both(put("balancing.mode", "dns"), put("profiles.rh9.mirror", True)),
        "profiles.rh9.mirror",
        "all addresses",
    ),
    ("template", put("profiles.rh9.template", "../x.j2"), "profiles.rh9.template", "default.ks.j2"),
    ("password value", put("profiles.rh9.rootpw", "secret"), "profiles.rh9.rootpw", "unknown key"),
    ("timeout", put("profiles.rh9.timeout_s", 0), "profiles.rh9.timeout_s", "not below 0.1"),
    ("timeout for ever", put("profiles.rh9.timeout_s", float("inf")), "profiles.rh9.timeout_s", "finite"),
    ("prompt", put("profiles.rh9.prompt", "boot: "), "profiles.rh9.prompt", "true or false"),
    ("finish", put("profiles.rh9.finish", "sleep"), "profiles.rh9.finish", "'reboot'"),
    ("zone", put("profiles.rh9.timezone", "Europe/Prague UTC"), "profiles.rh9.timezone", "not a time zone"),
    ("zone misspelt", put("profiles.rh9.timezone", "Europe/Praha"), "profiles.rh9.timezone", "Europe/Prague"),
    ("keyboard", put("profiles.rh9.keyboard", "us\nreboot"), "profiles.rh9.keyboard", "such as us"),
    ("lang", put("profiles.rh9.lang", "en_US.UTF-8 --x"), "profiles.rh9.lang", "en_US.UTF-8"),
    ("partition", put("profiles.rh9.partitions", ["rm -rf /"]), "profiles.rh9.partitions[0]", "part /"),
    (
        "too many arguments",
        put("profiles.rh9.kernel_args", ["a" * 700, "b" * 700]),
        "profiles.rh9.kernel_args",
        "characters together",
    ),
    (
        "profiles that make one name",
        both(
            put("profiles.a-b", GOOD["profiles"]["rh9"]),
            put("profiles.a", GOOD["profiles"]["rh9"]),
            put("groups.b-first", {**GOOD["groups"]["second"], "address": "192.168.0.249"}),
            put("groups.first", GOOD["groups"]["first"]),
        ),
        "profiles.a",
        "same answer file a-b-first",
    ),
    # name service
    ("forwarder", put("dns.forwarders", ["one.one.one.one"]), "dns.forwarders[0]", "IPv4"),
    ("ttl", put("dns.ttl_s", -1), "dns.ttl_s", "not below 0"),
    ("records as a mapping", put("dns.records", {}), "dns.records", "must be a list"),
    ("record type", record(name="a", type="NS", value="b"), "dns.records[0].type", "'TXT'"),
    ("record name", record(name="a.", type="TXT", value="b"), "dns.records[0].name", "without a dot"),
    (
        "record on a host",
        record(name="cli128", type="A", value="10.0.0.1"),
        "dns.records[0].name",
        "hosts.cli128",
    ),
    (
        "record on the install name",
        record(name="ftp", type="A", value="10.0.0.1"),
        "dns.records[0].name",
        "install name",
    ),
    ("A", record(name="a", type="A", value="b"), "dns.records[0].value", "192.168.0.10"),
    ("AAAA", record(name="a", type="AAAA", value="10.0.0.1"), "dns.records[0].value", "fd00::10"),
    ("MX without preference", record(name="@", type="MX", value="mail"), "dns.records[0].value", "10 mail"),
    ("MX preference", record(name="@", type="MX", value="70000 mail"), "dns.records[0].value", "10 mail"),
    (
        "MX without address",
        record(name="@", type="MX", value="10 mail"),
        "dns.records[0].value",
        "add an A record",
    ),
    (
        "MX missing its dot",
        record(name="@", type="MX", value="10 mx.example.com"),
        "dns.records[0].value",
        "dot",
    ),
    (
        "MX of this domain, absolute",
        record(name="@", type="MX", value="10 mx.example.lan."),
        "dns.records[0].value",
        "add an A record",
    ),
    (
        "MX to a CNAME",
        put(
            "dns.records",
            [{"name": "m", "type": "CNAME", "value": "cli128"}, {"name": "@", "type": "MX", "value": "10 m"}],
        ),
        "dns.records[1].value",
        "RFC 2181",
    ),
    ("SRV", record(name="_http._tcp", type="SRV", value="0 80 www"), "dns.records[0].value", "0 5 80 www"),
    (
        "CNAME at the top",
        record(name="@", type="CNAME", value="ftp"),
        "dns.records[0].name",
        "cannot be a CNAME",
    ),
    (
        "CNAME with others",
        put(
            "dns.records",
            [{"name": "x", "type": "TXT", "value": "t"}, {"name": "x", "type": "CNAME", "value": "ftp"}],
        ),
        "dns.records[1].name",
        "alone",
    ),
    ("CNAME to nothing", record(name="x", type="CNAME", value="y"), "dns.records[0].value", "no address"),
    (
        "record twice",
        put("dns.records", [{"name": "x", "type": "TXT", "value": "t"}] * 2),
        "dns.records[1].name",
        "the same as dns.records[0]",
    ),
    ("empty TXT", record(name="x", type="TXT", value=""), "dns.records[0].value", "one line"),
    # heartbeat
    ("warntime", put("heartbeat.timers.warntime_s", 0.1), "heartbeat.timers.warntime_s", "above interval_s"),
    ("suspect", put("heartbeat.timers.suspect_s", 0.1), "heartbeat.timers.suspect_s", "above interval_s"),
    ("deadtime", put("heartbeat.timers.deadtime_s", 0.4), "heartbeat.timers.deadtime_s", "above warntime_s"),
    ("initdead", put("heartbeat.timers.initdead_s", 0.9), "heartbeat.timers.initdead_s", "below deadtime_s"),
    ("lease", put("heartbeat.timers.deadtime_s", 1.6), "heartbeat.timers.address_lifetime_s",
     "twice deadtime_s, 3.2"),
    ("timer as text", put("heartbeat.timers.address_lifetime_s", "long"),
     "heartbeat.timers.address_lifetime_s", "a number"),
    (
        "timer that is no number",
        put("heartbeat.timers.failback_delay_s", float("nan")),
        "heartbeat.timers.failback_delay_s",
        "finite",
    ),
    ("port", put("heartbeat.port", 0), "heartbeat.port", "not below 1"),
    ("port of DNS", put("heartbeat.port", 53), "heartbeat.port", "DNS"),
    ("port of passive FTP", put("heartbeat.port", 30500), "heartbeat.port", "FTP"),
    ("no ftp clients", put("ftp.max_clients", 0), "ftp.max_clients", "not below 1"),
    ("more ftp clients than processes", put("ftp.max_clients", 5000), "ftp.max_clients", "not above 2000"),
    ("no key", put("heartbeat.keys", []), "heartbeat.keys", "at least 1"),
    ("key outside", put("heartbeat.keys", ["/etc/key"]), "heartbeat.keys[0]", "in the config folder"),
    ("key above", put("heartbeat.keys", ["../key"]), "heartbeat.keys[0]", "in the config folder"),
    ("key twice", put("heartbeat.keys", ["a", "a"]), "heartbeat.keys[1]", "already"),
    ("failback", put("heartbeat.failback", "maybe"), "heartbeat.failback", "'auto' or 'manual'"),
]


@pytest.mark.parametrize(
    ("change", "path", "remedy"), [case[1:] for case in CASES], ids=[c[0] for c in CASES]
)
def test_fault_names_path_and_remedy(change: Change, path: str, remedy: str) -> None:
    faults = faults_of(change)
    assert [fault.path for fault in faults] == [path], "\n".join(map(str, faults))
    assert remedy in faults[0].remedy
