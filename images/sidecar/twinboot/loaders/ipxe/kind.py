"""iPXE as a boot loader kind: scripts by HTTP, and its builds for other firmware.

A machine that says it is iPXE gets start.ipxe by HTTP, which goes on to the machine's own script: by the name
that DHCP gave it, by MAC, by address. The scripts name no server: iPXE takes paths from where a script came;
those of a machine that is given its group when it asks name that address.
A machine whose firmware is told to load iPXE says so when it asks DHCP again, and then gets the script: there
is no loop. Sources: iPXE's command reference; its core/exec.c for how lines are split.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from ..base import PUBLISHED, BootLoader, Fill, Nothing, Serves
from ..firmware import (
    BIOS,
    HTTP_ARM64,
    HTTP_X64,
    IPXE_ARM64,
    IPXE_BIOS,
    IPXE_IA32,
    IPXE_X64,
    UEFI_ARM64,
    UEFI_X64,
    Firmware,
)  # fmt: skip
from ..machines import machine_files, path_of
from ..menu import PAUSE_S, QUEUE_S, TRIES, WAIT_S, disk_text, menu_of, queue_text, waiting_text
from ..on_disk import loaders_on_disk

if TYPE_CHECKING:
    from ...planning.plan import Install, Machine, SitePlan

_START, _MACHINE = "ipxe/start.ipxe.j2", "ipxe/machine.ipxe.j2"
_WAIT, _DISK = "ipxe/wait.ipxe.j2", "ipxe/unknown.ipxe.j2"
_DISK_COMMANDS, _QUEUE = "ipxe/disk.ipxe.j2", "ipxe/queue.ipxe.j2"
_ON_DISK = "ipxe/on_disk.ipxe.j2"
_SUFFIX = ".ipxe"
_SCRIPT, _DISK_SCRIPT = f"{PUBLISHED}/start.ipxe", f"/{PUBLISHED}/on-disk.ipxe"
_BUILDS = {
    BIOS: "undionly.kpxe", UEFI_X64: "snponly.efi", HTTP_X64: "snponly.efi", UEFI_ARM64: "ipxe-arm64.efi",
    HTTP_ARM64: "ipxe-arm64.efi",
}  # fmt: skip
"""By the names of Debian's package."""
_INVENTORY = (
    "imgfetch --name inventory /report/inventory?mac=${netX/mac:hexhyp}&serial-hex=${serial:hexraw}"
    "&maker-hex=${manufacturer:hexraw}&product-hex=${product:hexraw} && imgfree inventory ||"
)
"""A machine without an entry says what its SMBIOS holds (machines.inventory), in hex: `uristring` does
nothing in newer releases of iPXE. No answer, no harm."""


class Ipxe(BootLoader):
    """See loaders.base.BootLoader."""

    name = "ipxe"
    serves = (
        *(Serves(one, _SCRIPT) for one in (IPXE_BIOS, IPXE_X64, IPXE_IA32, IPXE_ARM64)),
        *(Serves(one, default=False) for one in _BUILDS),
    )
    reserved_arguments = ("initrd=", "BOOTIF=")
    templates = (_START, _MACHINE, _WAIT, _DISK, _DISK_COMMANDS, _QUEUE, _ON_DISK)

    def boot_file(self, plan: SitePlan, firmware: Firmware, profile: str) -> str | Nothing:
        if firmware.ipxe:
            return _SCRIPT
        build = _BUILDS[firmware]
        if build not in plan.boot.programs:
            return Nothing(f"the image has no {build}")
        return f"{PUBLISHED}/loaders/{build}"

    def by_http(self, firmware: Firmware) -> bool:
        return firmware.ipxe or firmware.http

    def argument_fault(self, argument: str) -> str:
        if "${" in argument:
            return "iPXE would put a setting in the place of ${...}; write it otherwise"
        if argument.startswith("#") or argument in ("||", "&&"):
            return "iPXE would end its command there; write it otherwise"
        return ""

    def disk_file(self, plan: SitePlan, fill: Fill) -> str:
        return fill(_DISK, text=shown(disk_text(plan)), inventory="", on_disk=_DISK_SCRIPT)

    def queue_file(self, plan: SitePlan, fill: Fill) -> str:
        return fill(_QUEUE, text=shown(queue_text(plan)), wait_s=QUEUE_S)

    def install_file(self, plan: SitePlan, install: Install, fill: Fill) -> str:
        return _machine_file(plan, install, self.room, fill(_DISK_COMMANDS, on_disk=_DISK_SCRIPT), fill)

    def files_of(self, machine: Machine) -> Iterator[str]:
        return (path_of(name, suffix=_SUFFIX) for name in _names(machine))

    def files(self, plan: SitePlan, fill: Fill) -> Mapping[str, str]:
        if not plan.site.profiles:
            return {}
        disk = fill(_DISK_COMMANDS, on_disk=_DISK_SCRIPT)
        files = {
            "tftp/start.ipxe": fill(
                _START, cluster=plan.site.cluster, tries=TRIES, pause_s=PAUSE_S, on_disk=_DISK_SCRIPT,
            ),
            "tftp/on-disk.ipxe": fill(_ON_DISK, files=_files_on_disk()),
        }  # fmt: skip
        return files | machine_files(
            plan, _SUFFIX, names=_names, disk=fill(_DISK, text="", inventory=_INVENTORY,
                                                   on_disk=_DISK_SCRIPT),
            text_of=lambda install: _machine_file(plan, install, self.room, disk, fill),
            waiting=fill(_WAIT, text=shown(waiting_text(plan)), wait_s=WAIT_S, inventory=_INVENTORY),
        )  # fmt: skip

    def copies(self, plan: SitePlan) -> Mapping[str, str]:
        builds = sorted(plan.boot.programs & set(_BUILDS.values()))
        return {f"tftp/loaders/{name}": f"loaders/{name}" for name in builds}


@functools.lru_cache(maxsize=512)
def shown(text: str) -> str:
    """A text to print: without what would end the command or stand for a setting."""
    words = text.replace("${", "$ {").split()
    return " ".join(f"'{one}" if one.startswith("#") else one for one in words if one not in ("||", "&&"))


def _files_on_disk() -> list[str]:
    return ["\\EFI\\" + one.replace("/", "\\") for one in loaders_on_disk("${cpu}")]


def _names(machine: Machine) -> Iterator[str]:
    """Every name by which start.ipxe asks for a host's file."""
    yield f"host.{machine.name}"
    yield from (mac.replace(":", "-") for mac in machine.ethernet)
    yield from machine.addresses


def _machine_file(plan: SitePlan, install: Install, room: int, disk: str, fill: Fill) -> str:
    """disk: the commands that start it, the same for all."""
    menu, server = menu_of(plan, install, room=room), plan.server_of(install)
    return fill(
        _MACHINE, menu=menu, message=[shown(line) for line in menu.message], cluster=plan.site.cluster,
        timeout_ms=max(100, round(menu.timeout_s * 1000)), tries=TRIES, pause_s=PAUSE_S, disk=disk,
        place=f"http://{server}" if server else "",
    )  # fmt: skip
