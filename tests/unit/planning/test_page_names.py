"""By which names the page may be asked for: those that lead to the site's own servers, and those added."""

from __future__ import annotations

import pytest
from sitechange import GOOD
from twinboot.planning.page_names import page_names
from twinboot.site import SiteError, parse

RECORDS = [
    {"name": "www", "type": "A", "value": "192.168.0.253"},
    {"name": "else", "type": "A", "value": "10.0.0.1"},
    {"name": "alias", "type": "CNAME", "value": "www.example.lan."},
    {"name": "far", "type": "CNAME", "value": "example.org."},
]  # fmt: skip


def test_names_and_addresses_of_the_site_and_those_that_were_added() -> None:
    site = parse({**GOOD, "dns": {**GOOD.get("dns", {}), "records": RECORDS},
                  "api": {"names": ["Install.Example.com", "203.0.113.9"]}})  # fmt: skip
    found = set(page_names(site))
    assert {"localhost", "127.0.0.1", "install.example.com", "203.0.113.9"} <= found
    for name, server in site.servers.items():
        assert {name, f"{name}.{site.domain}", str(server.address)} <= found
    for group in site.groups.values():
        assert str(group.address) in found
    assert {"www", f"www.{site.domain}"} <= found
    assert ("alias" in found) is (site.domain == "example.lan")
    assert not {"else", "far", "10.0.0.1", "example.org"} & found
    assert all(one == one.lower() for one in found)


@pytest.mark.parametrize("name", ["", "a b", "a|b", '"', "a:80", "*", "$x", "x" * 300])
def test_what_cannot_be_a_name_is_a_fault(name: str) -> None:
    with pytest.raises(SiteError) as refused:
        parse({**GOOD, "api": {"names": [name]}})
    assert refused.value.faults[0].path == "api.names[0]"
