"""GRUB as a boot loader kind: boot files of each tree, and configuration of each machine.

Firmware loads shim, shim loads GRUB from its own folder, and GRUB looks for its configuration at places that
its distribution has built into it. At each of them is the same file, start.cfg.j2: it looks for the machine's
own one, by the name that DHCP gave it, by MAC, by address, again and again; a machine without one starts from
its disk. The files name no server: GRUB takes next-server, or the server of the URL that it came from. Where
a machine is given its group when it asks, its file names that address, or has it look again later.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from ...planning.boot_facts import LoaderFiles
from ..base import PUBLISHED, BootLoader, Fill, Nothing, Serves
from ..firmware import HTTP_ARM64, HTTP_IA32, HTTP_X64, UEFI_ARM64, UEFI_IA32, UEFI_X64, Firmware
from ..machines import machine_files, path_of
from ..menu import PAUSE_S, QUEUE_S, TRIES, WAIT_S, disk_text, menu_of, queue_text, waiting_text
from ..on_disk import loaders_on_disk
from .text import quoted

if TYPE_CHECKING:
    from ...planning.plan import Install, Machine, SitePlan

_START, _MACHINE = "grub/start.cfg.j2", "grub/machine.cfg.j2"
_WAIT, _DISK, _QUEUE = "grub/wait.cfg.j2", "grub/disk.cfg.j2", "grub/queue.cfg.j2"
_SUFFIX = ".cfg"
_FOLDERS = (
    "grub", "debian-installer/amd64/grub", "debian-installer/arm64/grub", "ubuntu-installer/amd64/grub",
    "ubuntu-installer/arm64/grub", "EFI/BOOT",
)  # fmt: skip
"""Where builds look, below the root of TFTP and HTTP: Debian's and Ubuntu's of the package and of the
installer; of media of Red Hat, Fedora and SUSE, which look beside themselves before."""
_PLATFORMS = ("", "x86_64-efi/", "arm64-efi/", "i386-efi/")
"""Debian's look there first."""


class Grub(BootLoader):
    """See loaders.base.BootLoader."""

    name = "grub"
    serves = tuple(
        Serves(one) for one in (UEFI_X64, UEFI_IA32, UEFI_ARM64, HTTP_X64, HTTP_IA32, HTTP_ARM64)
    )
    reserved_arguments = ("BOOTIF=", "BOOT_IMAGE=")
    templates = (_START, _MACHINE, _WAIT, _DISK, _QUEUE)

    def boot_file(self, plan: SitePlan, firmware: Firmware, profile: str) -> str | Nothing:
        tree = plan.site.profiles[profile].tree
        (cpu,) = firmware.runs
        found = plan.boot.loader(tree, cpu)
        if found is None:
            return Nothing(f"neither tree {tree} nor the image has a boot loader for UEFI {cpu.value}")
        folder, files = found
        return f"{PUBLISHED}/{_folder(folder)}/{files.first_name}"

    def disk_file(self, plan: SitePlan, fill: Fill) -> str:
        return fill(_DISK, text=quoted(disk_text(plan)))

    def queue_file(self, plan: SitePlan, fill: Fill) -> str:
        return fill(_QUEUE, text=quoted(queue_text(plan)), wait_s=QUEUE_S)

    def install_file(self, plan: SitePlan, install: Install, fill: Fill) -> str:
        return _machine_file(plan, install, self.room, fill)

    def files_of(self, machine: Machine) -> Iterator[str]:
        return (path_of(name, suffix=_SUFFIX) for name in _names(machine))

    def files(self, plan: SitePlan, fill: Fill) -> Mapping[str, str]:
        if not plan.site.profiles or not plan.boot.any_loader:
            return {}
        start = fill(
            _START, cluster=plan.site.cluster, tries=range(1, TRIES + 1), pause_s=PAUSE_S,
            on_disk=loaders_on_disk("$twinboot_cpu"), console=plan.site.console, queue=plan.by_load,
        )  # fmt: skip
        places = [*_FOLDERS, *(_folder(folder) for folder, _ in plan.boot.all_loaders())]
        files = {f"tftp/{place}/{platform}grub.cfg": start for place in places for platform in _PLATFORMS}
        return files | machine_files(
            plan, _SUFFIX, names=_names, disk=fill(_DISK, text=""),
            text_of=lambda install: _machine_file(plan, install, self.room, fill),
            waiting=fill(_WAIT, text=quoted(waiting_text(plan)), wait_s=WAIT_S),
        )  # fmt: skip

    def copies(self, plan: SitePlan) -> Mapping[str, str]:
        return {
            f"tftp/{_folder(folder)}/{name}": source
            for folder, files in plan.boot.all_loaders() for name, source in _published(files)
        }  # fmt: skip


def _folder(of: str) -> str:
    """Folder of the loaders of a tree; of the image's, where `of` is empty: no tree's name begins with a
    dash."""
    return f"loaders/{of or '-image'}"


def _published(files: LoaderFiles) -> Iterator[tuple[str, str]]:
    yield files.first_name, files.first
    yield files.second_name, files.second
    yield from files.others.items()


def _names(machine: Machine) -> Iterator[str]:
    """Every name by which start.cfg asks for a host's file."""
    yield f"host.{machine.name}"
    yield from machine.ethernet
    yield from machine.addresses


def _machine_file(plan: SitePlan, install: Install, room: int, fill: Fill) -> str:
    menu = menu_of(plan, install, room=room)
    return fill(
        _MACHINE, menu=menu, message=[quoted(line) for line in menu.message],
        kernel=menu.kernel, initrds=menu.initrds, arguments=[quoted(one) for one in menu.arguments],
        tries=range(1, TRIES + 1), pause_s=PAUSE_S, server=plan.server_of(install) or "$net_default_server",
    )  # fmt: skip
