"""How a machine gets to the network: linuxrc's ifcfg, and the networking section of the profile.

Owns both. linuxrc knows cards and VLANs, no bond and no bridge: it gets to the tree by the first member, and
the profile makes the rest. Sources: linuxrc's net.c (ifcfg_parse), yast2-network's networking.rnc.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pydantic import JsonValue

from ...site.faults import Fault
from .. import dracut_network

if TYPE_CHECKING:
    from ...planning.plan import Install, Machine, SitePlan
    from ...site.model.site import Profile, Wiring

CONNECTING = ("ifcfg=", "netdevice=", "netsetup=", "hostip=", "vlanid=", "usedhcp=")
"""Kernel arguments that begin so configure linuxrc's network: an operator's take the place of ours."""
MEMBERS_MAX = 10  # bonding_slave0 to bonding_slave9


def ifcfg(plan: SitePlan, install: Install) -> list[str]:
    """What linuxrc is told; nothing: DHCP on the card that has booted."""
    wiring, machine = plan.wiring(install), plan.machine_of(install)
    if wiring is None:
        return []
    card = _card(wiring)
    device = card if wiring.vlan is None else f"{card}.{wiring.vlan}"
    if machine is None or not machine.host.static:
        return [f"ifcfg={device}=dhcp"]
    # one name server, the address of its group: blanks would stand between several, and nameserver= is for
    # what somebody has typed at the screen alone (net.c, _ifcfg_write)
    address = f"{machine.host.address}/{machine.subnet.network.prefixlen}"
    router, server = machine.subnet.router or "", plan.vip(machine.group)
    return [f"ifcfg={device}={address},{router},{server},{plan.site.domain}"]


def device(plan: SitePlan, install: Install) -> str:
    """What linuxrc is told behind the address of a tree, which zypp is not. Without it, it looks for the tree
    by the card that BOOTIF names: it asks by DHCP there, too, and gives up where nobody answers (url.c,
    url_mount and url_setup_interface)."""
    wiring = plan.wiring(install)
    return "" if wiring is None else f"?device={re.sub('[.][0-9]+$', '', _card(wiring))}"


def _card(wiring: Wiring) -> str:
    return wiring.members[0] if wiring.members else wiring.base


def networking(plan: SitePlan, install: Install, machine: Machine | None) -> dict[str, JsonValue]:
    """The section. What linuxrc has configured is kept where nothing else is said."""
    wiring = plan.wiring(install)
    static = machine is not None and machine.host.static
    found: dict[str, JsonValue] = {"keep_install_network": wiring is None and not static}
    if dns := _dns(plan, machine, static):
        found["dns"] = dns
    if wiring is None and not static:
        return found
    found["interfaces"] = list(_interfaces(wiring, machine))
    if machine is not None and static and machine.subnet.router is not None:
        route: JsonValue = {
            "destination": "default", "device": "-", "gateway": str(machine.subnet.router), "netmask": "-"
        }  # fmt: skip
        found["routing"] = {"routes": [route]}
    return found


def _dns(plan: SitePlan, machine: Machine | None, static: bool) -> dict[str, JsonValue]:
    if machine is None:
        return {}
    named: dict[str, JsonValue] = {
        "dhcp_hostname": False, "hostname": machine.name, "domain": plan.site.domain
    }  # fmt: skip
    if static:
        named["nameservers"] = [str(group.address) for group in plan.site.groups.values()]
        named["searchlist"] = [plan.site.domain]
    return named


def _interfaces(wiring: Wiring | None, machine: Machine | None) -> Iterator[JsonValue]:
    """Every interface, from the bottom up; the topmost one has the address."""
    if wiring is None:
        assert machine is not None, "only a machine's own profile is without DHCP and without wiring"
        # its name is not known: the one with this address (lladdr would set the card's address)
        yield {"name": BOOTED, "startmode": "auto", **_address(machine)}
        return
    links: list[dict[str, JsonValue]] = []
    if wiring.members:
        links += [{"name": one, "bootproto": "none", "startmode": "hotplug"} for one in wiring.members]
        slaves: dict[str, JsonValue] = {f"bonding_slave{at}": one for at, one in enumerate(wiring.members)}
        options = wiring.bond_options.replace(",", " ")
        links.append({"name": wiring.base, "bonding_master": "yes", "bonding_module_opts": options, **slaves})
    else:
        links.append({"name": wiring.base})
    if wiring.vlan is not None:
        links.append({"name": wiring.tagged, "etherdevice": wiring.base, "vlan_id": str(wiring.vlan)})
    if wiring.bridge is not None:
        bridge = {"bridge": "yes", "bridge_ports": wiring.tagged, "bridge_stp": "off"}
        links.append({"name": wiring.bridge, **bridge, "bridge_forward_delay": "0"})
    for link in links[:-1]:
        yield {"bootproto": "none", "startmode": "auto", **link}
    yield {"startmode": "auto", **links[-1], **_address(machine)}


BOOTED = "twinboot-card"
"""In the place of the name of the card that linuxrc has configured, which a script of the profile writes."""


def _address(machine: Machine | None) -> dict[str, JsonValue]:
    if machine is None or not machine.host.static:
        return {"bootproto": "dhcp"}
    prefix = str(machine.subnet.network.prefixlen)
    return {"bootproto": "static", "ipaddr": str(machine.host.address), "prefixlen": prefix}


def wiring_faults(path: str, wiring: Wiring, profile: Profile) -> Iterator[Fault]:
    """What AutoYaST cannot do of these settings. path: of them."""
    yield from dracut_network.wiring_faults(path, wiring, profile, CONNECTING)
    if len(wiring.members) > MEMBERS_MAX:
        remedy = f"AutoYaST's bonds have {MEMBERS_MAX} members at most"
        yield Fault(f"{path}.members", len(wiring.members), remedy)
