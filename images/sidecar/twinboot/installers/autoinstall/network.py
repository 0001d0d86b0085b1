"""The new system's network, as netplan has it. Subiquity takes it for the rest of the install as well.

Owns what of Wiring and of static addresses it says, and the names of a bond's options. Sources: netplan(5),
the kernel's bonding.rst.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ...site.faults import MISSING, Fault
from .arguments import says_network

if TYPE_CHECKING:
    from ...planning.plan import Install, Machine, SitePlan
    from ...site.model.site import Profile, Wiring

BOOTED = "twinboot:booted:card"
"""Stands for the address of the card that has booted, until scripts.EARLY has found it."""
_BOND = {
    "ad_select": "ad-select", "arp_interval": "arp-interval", "arp_validate": "arp-validate",
    "downdelay": "down-delay", "fail_over_mac": "fail-over-mac-policy", "lacp_rate": "lacp-rate",
    "lp_interval": "learn-packet-interval", "miimon": "mii-monitor-interval", "min_links": "min-links",
    "mode": "mode", "num_grat_arp": "gratuitous-arp", "primary": "primary",
    "primary_reselect": "primary-reselect-policy", "resend_igmp": "resend-igmp", "updelay": "up-delay",
    "xmit_hash_policy": "transmit-hash-policy",
}  # fmt: skip
_MODES = (
    "balance-rr", "active-backup", "balance-xor", "broadcast", "802.3ad", "balance-tlb", "balance-alb",
)  # fmt: skip


def netplan(plan: SitePlan, install: Install, machine: Machine | None) -> dict[str, Any]:
    """Empty where DHCP on the card that has booted is all: then Subiquity keeps what the initrd has set
    up."""
    wiring = plan.wiring(install)
    if wiring is None:
        if machine is None or not machine.host.static:
            return {}
        card = {"match": {"macaddress": _card(machine)}, **_address(plan, machine)}
        return {"version": 2, "ethernets": {"booted": card}}
    top = _address(plan, machine)
    cards: dict[str, Any] = {one: {} for one in wiring.members or (wiring.base,)}
    found: dict[str, Any] = {"version": 2, "ethernets": cards}
    if wiring.members:
        parameters = dict(_parameters(wiring.bond_options))
        found["bonds"] = {wiring.base: {"interfaces": list(wiring.members), "parameters": parameters}}
    if wiring.vlan is not None:
        found["vlans"] = {wiring.tagged: {"id": wiring.vlan, "link": wiring.base}}
    if wiring.bridge is not None:
        found["bridges"] = {wiring.bridge: {"interfaces": [wiring.tagged]}}
    for layer in ("ethernets", "bonds", "vlans", "bridges"):
        if wiring.top in found.get(layer, {}):
            found[layer][wiring.top].update(top)
    return found


def wiring_faults(path: str, wiring: Wiring, profile: Profile) -> Iterator[Fault]:
    """What the installer cannot do of these settings."""
    if wiring.interface is None and not wiring.members:
        yield Fault(f"{path}.interface", MISSING, "required: the card, or members of a bond")
    if wiring.vlan is not None and not says_network(profile.kernel_args):
        remedy = (
            "the medium's initrd fetches the ISO untagged; let the switch port pass untagged frames while "
            "machines install, and write the VLAN below autoinstall.network"
        )
        yield Fault(f"{path}.vlan", wiring.vlan, remedy)
    if wiring.members:
        for option in wiring.bond_options.split(","):
            if option.partition("=")[0] not in _BOND:
                remedy = f"netplan does not know it; known: {', '.join(_BOND)}"
                yield Fault(f"{path}.bond_options", option, remedy)


def _address(plan: SitePlan, machine: Machine | None) -> dict[str, Any]:
    if machine is None or not machine.host.static:
        # as firmware and initrd ask: the same lease
        return {"dhcp4": True, "dhcp-identifier": "mac"}
    found: dict[str, Any] = {
        "dhcp4": False,
        "addresses": [f"{machine.host.address}/{machine.subnet.network.prefixlen}"],
        "nameservers": {
            "addresses": [str(group.address) for group in plan.site.groups.values()],
            "search": [plan.site.domain],
        },
    }
    if machine.subnet.router is not None:
        found["routes"] = [{"to": "0.0.0.0/0", "via": str(machine.subnet.router)}]
    return found


def _card(machine: Machine) -> str:
    """The card, when but one is known, or what stands for the one that has booted."""
    host = machine.host
    if host.uuid or host.client_id or len(host.mac) > 1 or not host.ethernet:
        return BOOTED
    return host.ethernet[0]


def _parameters(options: str) -> Iterator[tuple[str, Any]]:
    for option in options.split(","):
        name, _, value = option.partition("=")
        if name == "mode" and value.isdigit() and int(value) < len(_MODES):
            value = _MODES[int(value)]
        yield _BOND[name], int(value) if value.isdigit() else value
