"""The interface of a boot loader kind.

Each kind is a folder beside this file that implements and registers it. No other code tests which kind it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from .firmware import Firmware

if TYPE_CHECKING:
    from ..planning.plan import Install, Machine, SitePlan

PUBLISHED = "boot"
"""The folder of TFTP and HTTP that shows the published folder `tftp`."""


@dataclass(frozen=True, slots=True)
class Serves:
    """Firmware that a kind serves. boot_file: below the root of TFTP, where it is the same for every machine;
    default: also where the site does not choose, or chooses a kind that does not serve it."""

    firmware: Firmware
    boot_file: str = ""
    default: bool = True


@dataclass(frozen=True, slots=True)
class Nothing:
    """No boot file is offered; why: what an operator is told."""

    why: str


class Fill(Protocol):
    """render.templates.Templates.fill."""

    def __call__(self, template: str, **values: Any) -> str: ...


class BootLoader:
    """One boot loader kind; each overrides what is particular to it. Pure.

    It is in use where it serves some firmware of the site, by default or because the site chooses it. Kinds
    in use are published side by side, so each has paths of its own: two may publish one with the same content
    alone, and never a file that is a machine's own (files_of), which leads to its kind's. Else `check` and
    `render` name both and the path (publishing.py). Kinds of which firmware asks for the same names cannot
    have paths of their own, and say so by `replaces`.
    """

    name: str
    """The name of its folder."""
    serves: tuple[Serves, ...]
    """Which machines get it."""
    replaces: tuple[str, ...] = ()
    """Kinds that publish other files at the same paths: theirs are not written where this one is in use.
    Firmware that they alone serve then gets nothing, of which `check` warns."""
    reserved_arguments: tuple[str, ...] = ()
    """Beginnings of kernel arguments that it writes itself: the site may not give them."""
    templates: tuple[str, ...] = ()
    """Templates that its files are made of, below the template directories."""
    room = 1800
    """Characters that it and the kernel have for the kernel's arguments: x86 takes 2048 bytes, and loaders
    add BOOT_IMAGE=, initrd= and BOOTIF=. `check`, `render` and `show` count with the smallest room of the
    kinds that a profile's machines are offered (decision.room_for)."""

    def boot_file(self, plan: SitePlan, firmware: Firmware, profile: str) -> str | Nothing:
        """What a machine with this firmware loads first, below the root of TFTP and HTTP; profile: what it
        installs."""
        return next(one.boot_file for one in self.serves if one.firmware == firmware)

    def by_http(self, firmware: Firmware) -> bool:
        """Is the boot file named by URL?"""
        return firmware.http

    def argument_fault(self, argument: str) -> str:
        """What keeps it from giving a kernel this argument as it is written; empty: nothing."""
        return ""

    def probe_file(self, plan: SitePlan) -> str:
        """A file by TFTP that every server of the site has, which the service probe fetches; empty: none. It
        is TFTP that is asked: of several kinds in use the first one's file is enough."""
        return ""

    def host_file(self, name: str) -> str:
        """The configuration of the host of this name, as DHCP option 209 names it (RFC 5071 section 4):
        `host.NAME` in whatever folder, as in files_of(); empty when the loader does not know the option. Of
        several kinds in use that know it, each is named its own file: the machine's firmware says which one
        it gets."""
        return ""

    def files_of(self, machine: Machine) -> Iterable[str]:
        """Those of its published files that are a machine's own; all of them say the same. One of them is
        called `host.NAME`, or `host.NAME.SUFFIX`, in whatever folder: a machine that asks for it is known by
        this name at any address, and its install counts as begun (machines.observing). `check` and `render`
        refuse a kind of which none is called so."""
        return ()

    def disk_file(self, plan: SitePlan, fill: Fill) -> str:
        """What stands in a machine's own files while it is not to be installed: it starts from its disk.
        Empty: the kind has no such thing, and its files say always the same."""
        return ""

    def queue_file(self, plan: SitePlan, fill: Fill) -> str:
        """What stands there while others must end first (balancing mode load): it says so, and looks again
        every QUEUE_S (menu.py). Empty: the kind cannot wait."""
        return ""

    def install_file(self, plan: SitePlan, install: Install, fill: Fill) -> str:
        """What stands there while it is to be installed by a group that it is given when it asks (balancing
        mode load): plan.server_of(install) is where kernel and initrds come from. Empty: the kind has no such
        thing."""
        return ""

    def files(self, plan: SitePlan, fill: Fill) -> Mapping[str, str]:
        """Its published files: path below the published folder -> text."""
        return {}

    def copies(self, plan: SitePlan) -> Mapping[str, str]:
        """Published files that come from elsewhere: path below the published folder -> path of the source. Of
        plan.boot.programs (the image's) a kind publishes its own alone."""
        return {}
