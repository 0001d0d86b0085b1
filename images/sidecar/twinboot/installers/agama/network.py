"""Connections of an Agama profile.

What the kernel's arguments say (dracut_network) is said once more, for Agama writes the new system's
connections; those with the same name take their place. Without settings of its own the card that has booted
asks by DHCP, and Agama copies that. Sources: Agama's profile.schema.json, agama-network (model.rs).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pydantic import JsonValue

from ...site.faults import MISSING, Fault
from ..dracut_network import is_own

if TYPE_CHECKING:
    from ...planning.plan import Install, Machine, SitePlan
    from ...site.model.site import Wiring

_MODES = (
    "balance-rr", "active-backup", "balance-xor", "broadcast", "802.3ad", "balance-tlb", "balance-alb"
)  # fmt: skip
"""In the order of the numbers that the kernel's driver takes as well (bonding.rst)."""


def connections(plan: SitePlan, install: Install, machine: Machine | None) -> list[JsonValue]:
    """None, where what the kernel's arguments configure is all."""
    wiring = plan.wiring(install)
    if is_own(plan.site.profiles[install.profile].kernel_args):
        return []
    if wiring is not None:
        return list(_links(plan, wiring, machine))
    if machine is None or not machine.host.static or needs_card(machine):
        return []
    card: dict[str, JsonValue] = {"id": "twinboot", "macAddress": machine.host.ethernet[0]}
    return [{**card, **_address(plan, machine)}]


def needs_card(machine: Machine) -> bool:
    """Is it unknown which card of a machine keeps its address?"""
    host = machine.host
    return host.static and (len(host.ethernet) != 1 or len(host.mac) > 1)


def card_faults(plan: SitePlan, install: Install, machine: Machine | None) -> Iterator[Fault]:
    """A machine that keeps its address on a card that nobody names."""
    if machine is None or plan.wiring(install) is not None:
        return
    if needs_card(machine) and not is_own(plan.site.profiles[install.profile].kernel_args):
        remedy = "required: the machine keeps its address, and which of its cards has it is not known"
        yield Fault(f"hosts.{machine.name}.network.interface", MISSING, remedy)


def _links(plan: SitePlan, wiring: Wiring, machine: Machine | None) -> Iterator[JsonValue]:
    """From the bottom up; the topmost one has the address."""
    links: list[dict[str, JsonValue]] = [{"id": wiring.base, "interface": wiring.base}]
    if wiring.members:
        links[0] |= {"bond": _bond(wiring)}
        for one in wiring.members:
            yield {"id": one, "interface": one}
    if wiring.vlan is not None:
        vlan: JsonValue = {"id": wiring.vlan, "parent": wiring.base}
        links.append({"id": wiring.tagged, "interface": wiring.tagged, "vlan": vlan})
    if wiring.bridge is not None:
        bridge: JsonValue = {"ports": [wiring.tagged], "stp": False}
        links.append({"id": wiring.bridge, "interface": wiring.bridge, "bridge": bridge})
    for link in links[:-1]:
        yield {**link, "method4": "disabled", "method6": "disabled"}
    yield {**links[-1], **_address(plan, machine)}


def _bond(wiring: Wiring) -> JsonValue:
    options = dict(one.split("=", 1) for one in wiring.bond_options.split(","))
    mode = options.pop("mode", _MODES[1])
    if mode.isdigit() and int(mode) < len(_MODES):
        mode = _MODES[int(mode)]
    rest = " ".join(f"{key}={value}" for key, value in options.items())
    return {"ports": [*wiring.members], "mode": mode, **({"options": rest} if rest else {})}


def bond_faults(path: str, wiring: Wiring) -> Iterator[Fault]:
    """A mode of a bond that there is not. path: of the wiring."""
    bond = _bond(wiring) if wiring.members else {}
    if isinstance(bond, dict) and bond.get("mode", _MODES[0]) not in _MODES:
        remedy = f"no mode of a bond; write mode={', '.join(_MODES)}"
        yield Fault(f"{path}.bond_options", wiring.bond_options, remedy)


def _address(plan: SitePlan, machine: Machine | None) -> dict[str, JsonValue]:
    if machine is None or not machine.host.static:
        return {"method4": "auto"}
    address: dict[str, JsonValue] = {
        "method4": "manual",
        "addresses": [f"{machine.host.address}/{machine.subnet.network.prefixlen}"],
        "nameservers": [str(group.address) for group in plan.site.groups.values()],
        "dnsSearchlist": [plan.site.domain],
    }
    if machine.subnet.router is not None:
        address["gateway4"] = str(machine.subnet.router)
    return address
