"""Values of dhcpd.conf: shares of dynamic addresses, host groups, boot loaders by firmware."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Any

from ...planning.plan import Machine, SitePlan

SNOOPER_MAC = "02:54:57:49:4e:42"
"""wire.net.dhcp.SNOOPER_MAC."""
REBOOT_S = 10
"""A person at the machine can read PXELINUX's last words and press a key to try again at once."""


@dataclass(frozen=True, slots=True)
class Firmware:
    """Machines of one kind (processor architecture types of RFC 4578, IANA) and their boot loader.

    Another kind of firmware is one more line of FIRMWARES; its loader goes into the tftp image. The first one
    is also for machines that do not say what they are.
    """

    name: str
    codes: tuple[str, ...]
    loader: str


FIRMWARES = (Firmware("BIOS", ("00:00",), "pxelinux.0"),)


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
        "firmwares": FIRMWARES,
        "reboot_s": REBOOT_S,
        "subnets": site.subnets,
        "slots": len(plan.balance.slots),
        "shares": list(_shares(plan)),
        "host_groups": list(_host_groups(plan)),
    }


def _shares(plan: SitePlan) -> Iterator[Share]:
    """Who serves which dynamic address: dhcpd computes next-server from the address it leases.

    One pool for each group would be the documented way, but dhcpd empties its first pool before it looks at
    the second one, so all machines of a small site would boot from one server.
    """
    for group in plan.site.groups:
        numbers = plan.balance.remainders(group)
        yield Share(group, plan.vip(group), tuple(f"{n >> 8:02x}:{n & 255:02x}" for n in numbers))


def _host_groups(plan: SitePlan) -> Iterator[HostGroup]:
    members: dict[str, list[Machine]] = {group: [] for group in plan.site.groups}
    for machine in plan.machines:
        members[machine.group].append(machine)
    for group, machines in members.items():
        hosts = tuple({"name": m.name, "mac": m.host.mac, "address": m.host.address} for m in machines)
        if hosts:
            yield HostGroup(group, plan.vip(group), hosts)
