"""The one decision: what a machine says, and what it installs -> its boot loader, or nothing and why. Pure.

Which kind serves which firmware the setting `boot` says (site.model.boot); what a machine gets of that kind
is here. dhcpd's configuration, `twinboot show` and the alarm of machines that nothing is offered to are made
of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from ..kinds import LOADERS
from .base import BootLoader, Nothing
from .firmware import Firmware, Said, firmware_of, in_order, label

if TYPE_CHECKING:
    from ..planning.boot_facts import Architecture
    from ..planning.plan import SitePlan
    from ..site.model.site import Site

MAX_FILE_NAME = 127
"""The field `file` of a DHCP message has 128 octets, the last one 0 (RFC 2131 section 2)."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A boot file. path: below the root of TFTP and HTTP; http: it is named by URL."""

    loader: str
    path: str
    http: bool

    def file(self, server: IPv4Address | str) -> str:
        """As DHCP names it. server: the virtual address of the machine's group."""
        return f"http://{server}/{self.path}" if self.http else self.path


@dataclass(frozen=True, slots=True)
class Row:
    """What machines with one kind of firmware get."""

    firmware: Firmware
    gets: Offer | Nothing


@dataclass(frozen=True, slots=True)
class Loss:
    """Firmware that gets nothing on a site, though a kind serves it: that kind's files are not published,
    because those of another one are in their place."""

    firmware: Firmware
    loader: str
    instead: str


def loader_of(site: Site, firmware: Firmware) -> BootLoader | None:
    """The kind that serves a firmware of a site; None: none does."""
    name = site.boot.loader_of(firmware)
    return LOADERS.get(name) if name else None


def loaders_in_use(site: Site) -> tuple[BootLoader, ...]:
    """The kinds whose files are published."""
    return tuple(map(LOADERS.get, site.boot.in_use()))


def losses(plan: SitePlan) -> Iterator[Loss]:
    """Losses among the firmware that the kernel of some profile's tree may be for."""
    serving, in_use = [*map(LOADERS.get, plan.site.boot.serving())], loaders_in_use(plan.site)
    for firmware in known_firmwares():
        loader = loader_of(plan.site, firmware)
        if loader is None or loader in in_use:
            continue
        if any(not _made_for_others(plan, firmware, one.tree) for one in plan.site.profiles.values()):
            instead = next(one.name for one in serving if loader.name in one.replaces)
            yield Loss(firmware, loader.name, instead)


def known_firmwares() -> list[Firmware]:
    """Every firmware that a kind serves, in the order in which they are asked."""
    served = [one.firmware for loader in LOADERS.all() for one in loader.serves]
    return in_order(dict.fromkeys(served))


def choices(setting: str) -> tuple[str, ...]:
    """The kinds that a setting below `boot` may name."""
    return tuple(
        loader.name for loader in LOADERS.all()
        if any(one.firmware.choice == setting for one in loader.serves)
    )  # fmt: skip


def gets(
    plan: SitePlan, firmware: Firmware, profile: str, in_use: tuple[BootLoader, ...] | None = None
) -> Offer | Nothing:
    """What machines with this firmware get for a profile. in_use: loaders_in_use(), where it is known."""
    loader = loader_of(plan.site, firmware)
    if loader is None:
        return Nothing(f"no boot loader for {firmware.name}")
    if loader not in (loaders_in_use(plan.site) if in_use is None else in_use):
        return Nothing(f"{firmware.name} boots by {loader.name}, and the site has another in its place")
    tree = plan.site.profiles[profile].tree
    if made_for := _made_for_others(plan, firmware, tree):
        words = " and ".join(sorted(one.value for one in made_for))
        return Nothing(f"the kernel of tree {tree} is for {words}, not for {firmware.name}")
    path = loader.boot_file(plan, firmware, profile)
    return path if isinstance(path, Nothing) else Offer(loader.name, path, loader.by_http(firmware))


def rows(plan: SitePlan, profile: str) -> Iterator[Row]:
    """The table of a profile."""
    in_use = loaders_in_use(plan.site)
    for firmware in known_firmwares():
        yield Row(firmware, gets(plan, firmware, profile, in_use))


def room_for(plan: SitePlan, profile: str) -> int:
    """Characters that there are for the kernel's arguments, whatever a machine of the profile boots by: the
    smallest room of the kinds that are offered to some firmware; of all in use, where nothing is offered."""

    def smallest() -> int:
        offered = {row.gets.loader for row in rows(plan, profile) if isinstance(row.gets, Offer)}
        in_use = loaders_in_use(plan.site)
        counting = [one for one in in_use if one.name in offered] or in_use
        return min((one.room for one in counting), default=BootLoader.room)

    return plan.once((room_for, profile), smallest)


def decide(plan: SitePlan, said: Said, profile: str) -> Offer | Nothing:
    """What a machine that says this gets for a profile."""
    firmware = firmware_of(said, known_firmwares())
    return Nothing(f"no boot loader for {label(said)}") if firmware is None else gets(plan, firmware, profile)


def _made_for_others(plan: SitePlan, firmware: Firmware, tree: str) -> frozenset[Architecture]:
    """What the kernel of a tree is made for, where it is known and this firmware starts none such."""
    made_for = plan.boot.kernel(tree)
    return frozenset() if not firmware.runs or made_for & set(firmware.runs) else made_for
