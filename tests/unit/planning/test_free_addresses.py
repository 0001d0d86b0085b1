"""The next free address: of the right subnet and group, and nobody else's."""

from __future__ import annotations

import copy
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from twinboot.planning.free_addresses import AddressPool, NoneFree, range_of, subnet_for, users_of
from twinboot.site import Site, parse
from twinboot.site.balance import balance_of

ROOT = Path(__file__).parents[3]
GOOD: dict[str, Any] = yaml.safe_load((ROOT / "config/examples/parity.yaml").read_text())
RELAYED = {
    "network": "10.8.0.0/29", "relays": ["10.8.0.1", "172.31.0.9"], "profile": "rh9", "router": "10.8.0.6",
}  # fmt: skip
MORE = {"mac": "52:54:00:00:01:31", "address": "192.168.0.131", "profile": "rh9"}


def site_of(**changed: Any) -> Site:
    return parse({**copy.deepcopy(GOOD), **changed})


def addresses(
    pool: AddressPool, site: Site, count: int, group: str | None = None, subnet: int = 0
) -> list[str]:
    found = []
    for number in range(count):
        address = pool.next(site.subnets[subnet], group)
        pool.use(address, f"new{number}")
        found.append(str(address))
    return found


def test_the_group_with_fewer_machines_gets_the_next_one() -> None:
    site = site_of()
    assert addresses(AddressPool(site), site, 4) == [f"192.168.0.{n}" for n in (131, 130, 133, 132)]
    assert addresses(AddressPool(site), site, 2, "second") == ["192.168.0.130", "192.168.0.132"]
    hosts = {**GOOD["hosts"], "more": MORE}
    site = site_of(hosts=hosts)
    assert addresses(AddressPool(site), site, 1) == ["192.168.0.130"], "two are odd"
    pinned = {**MORE, "group": "second"}
    site = site_of(hosts={**hosts, "more": pinned})
    assert addresses(AddressPool(site), site, 1) == ["192.168.0.133"], "it is of the other group"


def test_weights_count_and_names_share_all() -> None:
    groups = copy.deepcopy(GOOD["groups"])
    groups["first"]["weight"] = 3
    site = site_of(groups=groups, hosts={})
    pool = AddressPool(site)
    given = [IPv4Address(one) for one in addresses(pool, site, 40)]
    counts = [sum(balance_of(site).group_of(one) == name for one in given) for name in ("first", "second")]
    assert counts == [30, 10]
    site = site_of(balancing={"mode": "dns"})
    assert addresses(AddressPool(site), site, 3) == ["192.168.0.130", "192.168.0.131", "192.168.0.132"]


def test_what_others_have_is_never_given() -> None:
    site = site_of(subnets=[*GOOD["subnets"], RELAYED], hosts={
        "a": {**MORE, "address": "10.8.0.3", "addresses": ["192.168.0.77"]},
    })  # fmt: skip
    pool = AddressPool(site, [IPv4Address("10.8.0.4")])
    assert addresses(pool, site, 2, subnet=1) == ["10.8.0.2", "10.8.0.5"]
    with pytest.raises(NoneFree, match=r"10\.8\.0\.0/29"):
        addresses(AddressPool(site), site, 4, subnet=1)
    with pytest.raises(NoneFree, match="group first"):
        addresses(AddressPool(site), site, 2, "first", subnet=1)
    everything = addresses(AddressPool(site), site, 200)
    users = {str(address) for address in users_of(site)}
    for number in (1, 20, 77, 251, 254):
        assert f"192.168.0.{number}" in users
    assert "10.0.0.1" in users
    assert len(set(everything)) == 200
    assert not users & set(everything)
    assert not any(160 <= int(one.rpartition(".")[2]) <= 199 for one in everything), "a range has them"
    assert everything[0] == "192.168.0.78", "from the first machine of the subnet on"


def test_the_subnet_is_where_the_request_came_from() -> None:
    site = site_of(subnets=[*GOOD["subnets"], RELAYED])
    near = IPv4Address("192.168.0.251")
    for relay, wanted in ((None, 0), ("10.8.0.1", 1), ("10.8.0.5", 1), ("172.31.0.9", 1), ("9.9.9.9", None)):
        found = subnet_for(site, relay=IPv4Address(relay) if relay else None, near=near)
        assert found == (site.subnets[wanted] if wanted is not None else None)
    assert range_of(site, IPv4Address("192.168.0.160")) == site.subnets[0]
    assert range_of(site, IPv4Address("192.168.0.159")) is None


@given(st.lists(st.integers(1, 250), unique=True, max_size=60), st.integers(1, 30))
def test_groups_differ_by_one_machine_at_most(taken: list[int], count: int) -> None:
    site = site_of(hosts={})
    pool = AddressPool(site, [IPv4Address(f"192.168.0.{number}") for number in taken])
    given = [IPv4Address(one) for one in addresses(pool, site, count)]
    odd = sum(int(one) % 2 for one in given)
    assert abs(count - 2 * odd) <= 1 or len(taken) > 50
    assert not {int(one) & 255 for one in given} & set(taken)
