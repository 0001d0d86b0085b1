"""Network arguments of one's own: the kernel asks for one connection, the kickstart says the same."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from rendering import GOOD, rendered, with_profile
from test_content import CFG, append_of
from test_kickstart import parsed
from twinboot.render import Rendered
from twinboot.site import SiteError, parse

BOND = {"members": ["ens1", "ens2"], "bond_options": "mode=802.3ad,miimon=100"}
DYNAMIC, HOST = CFG + "C0A800A0", CFG + "C0A80080"
CONNECTING = ("ip=", "bond=", "vlan=", "bridge=", "team=", "rd.bootif=")


def connections(files: Rendered, path: str = DYNAMIC) -> list[str]:
    return [word for word in append_of(files.pub[path]) if word.startswith(CONNECTING)]


def lines(text: str) -> list[str]:
    parsed(text, "RHEL9")
    return [line for line in text.splitlines() if line.startswith("network ")]


@pytest.mark.parametrize(
    ("network", "kernel", "kickstart"),
    [
        (
            {"interface": "ens3"},
            ["ip=ens3:dhcp", "rd.bootif=0"],
            ["network --bootproto=dhcp --device=ens3 --activate"],
        ),
        (
            {"interface": "ens3", "vlan": 7},
            ["vlan=ens3.7:ens3", "ip=ens3.7:dhcp", "rd.bootif=0"],
            ["network --bootproto=dhcp --device=ens3 --vlanid=7 --activate"],
        ),
        (
            BOND,
            ["bond=bond0:ens1,ens2:mode=802.3ad,miimon=100", "ip=bond0:dhcp", "rd.bootif=0"],
            [
                "network --bootproto=dhcp --device=bond0 --bondslaves=ens1,ens2"
                " --bondopts=mode=802.3ad,miimon=100"
                " --activate"
            ],
        ),
        (
            {**BOND, "interface": "bond7", "vlan": 9, "bridge": "br0"},
            [
                "bond=bond7:ens1,ens2:mode=802.3ad,miimon=100",
                "vlan=bond7.9:bond7",
                "bridge=br0:bond7.9",
                "ip=br0:dhcp",
                "rd.bootif=0",
            ],
            [
                "network --bootproto=dhcp --device=bond7 --bondslaves=ens1,ens2 "
                "--bondopts=mode=802.3ad,miimon=100 --vlanid=9 --noipv4 --noipv6 --activate",
                "network --bootproto=dhcp --device=br0 --bridgeslaves=bond7.9 --activate",
            ],
        ),
        (
            {"interface": "ens3", "bridge": "br0"},
            ["bridge=br0:ens3", "ip=br0:dhcp", "rd.bootif=0"],
            ["network --bootproto=dhcp --device=br0 --bridgeslaves=ens3 --activate"],
        ),
    ],
)
def test_kernel_and_kickstart_say_the_same(network: Any, kernel: list[str], kickstart: list[str]) -> None:
    files = rendered(with_profile(network=network))
    assert connections(files) == kernel
    assert lines(files.pub["ks/rh9-first.ks"]) == kickstart
    assert lines(files.pub["ks/cli128.ks"])[-1] == f"{kickstart[-1]} --hostname=cli128.example.lan"


def test_without_settings_of_ones_own_the_card_that_has_booted_asks_by_dhcp() -> None:
    files = rendered(with_profile())
    assert connections(files) == ["ip=dhcp"]
    assert lines(files.pub["ks/rh9-first.ks"]) == ["network --bootproto=dhcp --device=bootif --activate"]


def test_a_static_host_on_a_vlan_needs_no_dhcp_there() -> None:
    changed = copy.deepcopy(GOOD)
    changed["hosts"]["cli128"] |= {"static": True, "network": {"interface": "ens3", "vlan": 7}}
    files = rendered(parse(changed))
    assert connections(files, HOST) == [
        "vlan=ens3.7:ens3",
        "ip=192.168.0.128::192.168.0.1:255.255.255.0:cli128.example.lan:ens3.7:none",
        "rd.bootif=0",
    ]
    assert connections(files) == ["ip=dhcp"], "of this host alone"
    [line] = lines(files.pub["ks/cli128.ks"])
    assert "--bootproto=static --ip=192.168.0.128" in line
    assert "--device=ens3 --vlanid=7" in line


@pytest.mark.parametrize(
    "own", [["ip=eno2:dhcp"], ["bond=bond0:a,b:mode=1", "ip=bond0:dhcp"], ["vlan=a.7:a", "ip=a.7:dhcp"]]
)
def test_kernel_arguments_of_ones_own_replace_ours(own: list[str]) -> None:
    files = rendered(with_profile(kernel_args=["quiet", *own]))
    assert sorted(connections(files)) == sorted([*own, "rd.bootif=0"])
    assert lines(files.pub["ks/rh9-first.ks"]) == []
    assert lines(files.pub["ks/cli128.ks"]) == ["network --hostname=cli128.example.lan"]
    kept = [*own, "rd.bootif=1"]
    assert sorted(connections(rendered(with_profile(kernel_args=kept)))) == sorted(kept)


@pytest.mark.parametrize("version", ["RHEL5", "RHEL6"])
def test_old_installers_take_a_card(version: str) -> None:
    files = rendered(with_profile(version=version, network={"interface": "eth1"}))
    assert "ksdevice=eth1" in append_of(files.pub[DYNAMIC])
    assert "--device=eth1" in files.pub["ks/rh9-first.ks"]
    parsed(files.pub["ks/rh9-first.ks"], version)
    arguments = append_of(rendered(with_profile(version=version, kernel_args=["ip=10.0.0.9"])).pub[DYNAMIC])
    assert [word for word in arguments if word.startswith("ip=")] == ["ip=10.0.0.9"]


@pytest.mark.parametrize(
    ("values", "path"),
    [
        ({"network": {"vlan": 7}}, "profiles.rh9.network.interface"),
        ({"network": {"interface": "ens3", "vlan": 4095}}, "profiles.rh9.network.vlan"),
        ({"network": {"interface": "a" * 12, "vlan": 4000}}, "profiles.rh9.network"),
        ({"network": {"members": ["a", "a"]}}, "profiles.rh9.network"),
        ({"network": {"interface": "a", "bridge": "a"}}, "profiles.rh9.network"),
        ({"network": {"members": ["a", "b"], "bond_options": "x y"}}, "profiles.rh9.network.bond_options"),
        ({"network": BOND, "version": "RHEL6"}, "profiles.rh9.network"),
        ({"network": BOND, "kernel_args": ["ip=ens3:dhcp"]}, "profiles.rh9.network"),
    ],
)
def test_settings_that_cannot_be(values: dict[str, Any], path: str) -> None:
    with pytest.raises(SiteError) as caught:
        with_profile(**values)
    assert [fault.path for fault in caught.value.faults] == [path]


def test_a_hosts_own_is_checked_as_well() -> None:
    changed = copy.deepcopy(GOOD)
    changed["hosts"]["cli128"]["network"] = {"vlan": 7}
    with pytest.raises(SiteError) as caught:
        parse(changed)
    assert [fault.path for fault in caught.value.faults] == ["hosts.cli128.network.interface"]
