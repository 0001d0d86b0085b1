"""Why nothing is offered to a machine, as the sidecar keeps it: whose requests it hears, it does not render.

Owns the form of the rendered file `sidecar/boot.json`. What is offered is `decision`'s. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from .base import Nothing
from .decision import known_firmwares, rows
from .firmware import Said, asks_for_boot_file, firmware_of, label

if TYPE_CHECKING:
    from ..planning.plan import SitePlan


@dataclass(frozen=True, slots=True)
class Refusals:
    """hosts: profiles by MAC. unknown: the profile of machines without an entry on the server's own LAN;
    empty: none. why: by profile and name of the firmware; others are offered something."""

    hosts: Mapping[str, str] = field(default_factory=dict)
    unknown: str = ""
    why: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def of(self, mac: str, said: Said) -> str:
        """Why nothing is offered to the machine that says this; empty: something is, or it does not ask for
        it."""
        if not asks_for_boot_file(said):
            return ""
        profile = self.hosts.get(mac, self.unknown)
        if profile not in self.why:
            return ""
        firmware = firmware_of(said, known_firmwares())
        if firmware is None:
            return f"no boot loader for {label(said)}"
        return self.why[profile].get(firmware.name, "")

    def encode(self) -> str:
        """The text of the file."""
        return json.dumps({"hosts": self.hosts, "unknown": self.unknown, "why": self.why}, indent=1) + "\n"


def decode(text: str) -> Refusals:
    """ValueError for what encode() has not made."""
    try:
        read = json.loads(text)
        return Refusals(read["hosts"], read["unknown"], read["why"])
    except (TypeError, KeyError) as exc:
        raise ValueError("no refusals") from exc


def refusals(plan: SitePlan, server: IPv4Address) -> Refusals:
    """The refusals of a site, as the server with this address needs them."""
    subnet = plan.site.subnet_of(server)
    hosts = {mac: machine.install.profile for machine in plan.machines for mac in machine.ethernet}
    why: dict[str, dict[str, str]] = {profile: {} for profile in plan.site.profiles}
    for profile, reasons in why.items():
        for row in rows(plan, profile):
            if isinstance(row.gets, Nothing):
                reasons[row.firmware.name] = row.gets.why
    return Refusals(hosts, (subnet.profile if subnet else None) or "", why)
