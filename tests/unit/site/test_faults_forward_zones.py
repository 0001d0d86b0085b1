"""Zones of others (dns.forward_zones): who is asked, who validates, and that none is the site's own."""

from __future__ import annotations

from typing import Any

import pytest
from sitechange import GOOD, both, faults_of, put
from twinboot.site import parse

UP = {"forwarders": ["10.9.0.53"]}


def with_zones(zones: object, **dns: object) -> Any:
    changes = [put(f"dns.{key}", value) for key, value in dns.items()]
    return both(put("dns.forward_zones", zones), *changes)


@pytest.mark.parametrize(
    ("zones", "path", "says"),
    [
        ({"corp.test": {}}, "dns.forward_zones.corp.test.forwarders", "no dns.forwarders"),
        ({"corp.test": {**UP, "dnssec_validation": True}}, "dns.forward_zones.corp.test.dnssec_validation",
         "nothing is validated without"),
        ({"example.lan": UP}, "dns.forward_zones.example.lan", "this site itself answers for"),
        ({"Dev.Example.LAN.": UP}, "dns.forward_zones.dev.example.lan", "lies in example.lan"),
        ({"0.168.192.in-addr.arpa": UP}, "dns.forward_zones.0.168.192.in-addr.arpa", "this site itself"),
        ({"a b": UP}, "dns.forward_zones.a b", "not the name of a zone"),
        ({"": UP}, "dns.forward_zones.", "not the name of a zone"),
        ({'x"; };': UP}, 'dns.forward_zones.x"; };', "not the name of a zone"),
        ({"corp.test": {"forwarders": ["ns.corp.test"]}}, "dns.forward_zones.corp.test.forwarders[0]",
         "not an IPv4 address"),
        ({"corp.test": {"forwarder": []}}, "dns.forward_zones.corp.test.forwarder", "forwarders"),
        ({"corp.test": None}, "dns.forward_zones.corp.test", "a mapping"),
    ],
)  # fmt: skip
def test_faults(zones: object, path: str, says: str) -> None:
    found = faults_of(with_zones(zones))
    assert [fault.path for fault in found] == [path], found
    assert says in found[0].remedy


def test_what_is_good() -> None:
    site = dict(GOOD)
    site["dns"] = {
        "forwarders": ["10.9.0.1"],
        "forward_zones": {
            "_msdcs.Corp.Test": {}, "lan": UP, "10.in-addr.arpa": UP,
            "signed.test": {**UP, "dnssec_validation": True},
        },
    }  # fmt: skip
    names = ["_msdcs.corp.test", "lan", "10.in-addr.arpa", "signed.test"]
    assert list(parse(site).dns.forward_zones) == names
