"""Values of dhcpd.conf: shares of dynamic addresses, host groups, boot loaders by firmware."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Any

from ...kinds import LOADERS
from ...planning.plan import Machine, SitePlan

SNOOPER_MAC = "02:54:57:49:4e:42"
"""wire.net.dhcp.SNOOPER_MAC."""
REBOOT_S = 10
"""A person at the machine can read PXELINUX's last words and press a key to try again at once."""


@dataclass(frozen=True, slots=True)
class Offer:
    """The boot file for machines of one kind of firmware; codes as dhcpd writes 16-bit numbers."""

    name: str
    codes: tuple[str, ...]
    loader: str


@dataclass(frozen=True, slots=True)
class Share:
    """A group and the remainders of its addresses, as dhcpd writes 16-bit numbers."""

    group: str
    vip: IPv4Address
    remainders: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HostGroup:
    """Hosts of one group."""

    group: str
    vip: IPv4Address
    hosts: tuple[dict[str, Any], ...]


def dhcpd_values(plan: SitePlan) -> dict[str, Any]:
    """Values of dhcpd.conf.j2; the same on every server but for the name in the heading."""
    site = plan.site
    return {
        "group": site.dhcpd_group,
        "vip": plan.vip(site.dhcpd_group),
        "domain": site.domain,
        "name_servers": [group.address for group in site.groups.values()],
        "snooper_mac": SNOOPER_MAC,
        "firmwares": list(_offers()),
        "reboot_s": REBOOT_S,
        "subnets": site.subnets,
        "slots": len(plan.balance.slots),
        "shares": list(_shares(plan)),
        "host_groups": list(_host_groups(plan)),
    }


def _offers() -> Iterator[Offer]:
    """What every boot loader kind serves; first the one for machines that do not say what they are."""
    firmwares = [firmware for loader in LOADERS.all() for firmware in loader.firmwares]
    for one in sorted(firmwares, key=lambda firmware: not firmware.silent):
        yield Offer(one.name, tuple(_dhcpd_number(code) for code in one.codes), one.boot_file)


def _dhcpd_number(number: int) -> str:
    """A 16-bit number as dhcpd compares it: 00:07."""
    return f"{number >> 8:02x}:{number & 255:02x}"


def _shares(plan: SitePlan) -> Iterator[Share]:
    """Who serves which dynamic address: dhcpd computes next-server from the address it leases.

    One pool for each group would be the documented way, but dhcpd empties its first pool before it looks at
    the second one, so all machines of a small site would boot from one server.
    """
    for group in plan.site.groups:
        numbers = plan.balance.remainders(group)
        yield Share(group, plan.vip(group), tuple(_dhcpd_number(n) for n in numbers))


def _host_groups(plan: SitePlan) -> Iterator[HostGroup]:
    members: dict[str, list[Machine]] = {group: [] for group in plan.site.groups}
    for machine in plan.machines:
        members[machine.group].append(machine)
    for group, machines in members.items():
        hosts = tuple({"name": m.name, "mac": m.host.mac, "address": m.host.address} for m in machines)
        if hosts:
            yield HostGroup(group, plan.vip(group), hosts)
