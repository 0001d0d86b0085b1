"""PXELINUX as a boot loader kind. Source: PXELINUX's manual, "Configuration"; RFC 5071.

Its files name no server: PXELINUX takes paths from next-server, which is the address of the same group. Where
a machine is given its group when it asks, they name its address ("Special filename syntax": address::path).

PXELINUX asks for the file that option 209 names, then by UUID, by MAC, by address, by the address less
one digit after the other, at last for `default`; and it goes on to the next name also when an answer was
lost. So whatever a known machine gets to, is its own; and `default`, where every machine may end,
installs nothing.

U-Boot reads the same files by itself ("pxe get", doc/README.pxe): of the boot file's name it takes the folder
alone. It knows one initrd and no URL, nor an address before a path; and it cannot start PXELINUX to wait.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from ...planning.tree_files import initrds_of
from ...site.model.boot import Unknown
from ..base import BootLoader, Fill, Nothing, Serves
from ..firmware import BIOS, IPXE_BIOS, UBOOT_ARM64, Firmware
from ..menu import QUEUE_S, WAIT_S, disk_text, menu_of, message_text, queue_text, waiting_text

if TYPE_CHECKING:
    from ...planning.plan import Install, Machine, SitePlan

_BOOT, _LOCAL, _WAIT, _QUEUE = "tftp/boot.j2", "tftp/local.j2", "tftp/wait.j2", "tftp/queue.j2"
_MESSAGE = "tftp/message.msg.j2"
_FOLDER = "tftp/pxelinux.cfg"
_NO_KERNELS = (".bin", ".bs", ".bss", ".img")
"""Under a name that ends so KERNEL means a boot sector or a disk image; LINUX takes every name."""


def config_name(address: IPv4Address) -> str:
    """192.168.0.128 -> C0A80080, as PXELINUX asks for it."""
    return f"{int(address):08X}"


class Pxelinux(BootLoader):
    """See loaders.base.BootLoader."""

    name = "pxelinux"
    serves: tuple[Serves, ...] = (
        Serves(BIOS, "pxelinux.0"),
        Serves(IPXE_BIOS, "pxelinux.0", default=False),
        Serves(UBOOT_ARM64, "pxelinux.0"),
    )
    reserved_arguments = ("initrd=", "BOOTIF=", "BOOT_IMAGE=")
    templates = (_BOOT, _LOCAL, _WAIT, _QUEUE, _MESSAGE)

    def boot_file(self, plan: SitePlan, firmware: Firmware, profile: str) -> str | Nothing:
        if firmware == UBOOT_ARM64 and plan.by_load:
            return Nothing(f"{firmware.name} can neither wait nor be given a group (balancing.mode load)")
        if firmware == UBOOT_ARM64 and len(initrds_of(plan.site, plan.site.profiles[profile].tree)) > 1:
            return Nothing(f"{firmware.name} loads one initrd, and profile {profile} has more")
        return super().boot_file(plan, firmware, profile)

    def kernel_place(self, server: IPv4Address | str, *, named: bool) -> str:
        """What stands before the paths of kernel and initrd. server: the address of the machine's group.
        named: it may be another one than next-server."""
        return f"{server}::" if named else ""

    def probe_file(self, plan: SitePlan) -> str:
        return "pxelinux.cfg/default" if plan.site.profiles else self.serves[0].boot_file

    def host_file(self, name: str) -> str:
        return f"pxelinux.cfg/host.{name}"

    def disk_file(self, plan: SitePlan, fill: Fill) -> str:
        return fill(_LOCAL, text=disk_text(plan), console=plan.site.console)

    def files_of(self, machine: Machine) -> Iterator[str]:
        yield f"tftp/{self.host_file(machine.name)}"
        yield from (f"{_FOLDER}/{name}" for name in _names(machine))

    def files(self, plan: SitePlan, fill: Fill) -> Mapping[str, str]:
        made: dict[tuple[Install, str], str] = {}

        def boot_file(install: Install, group: str) -> str:
            place = self.kernel_place(plan.vip(group), named=bool(plan.server_of(install)))
            if (install, place) not in made:
                made[install, place] = self._boot_file(plan, install, place, fill)
            return made[install, place]

        files = {
            f"{_FOLDER}/{config_name(address)}": boot_file(install, plan.balance.group_of(address))
            for address, install in plan.dynamic()
        }
        for machine in plan.machines:
            text = boot_file(machine.install, machine.group)
            files |= dict.fromkeys(self.files_of(machine), text)
        console = plan.site.console
        waiting = fill(_WAIT, text=waiting_text(plan), tenths=WAIT_S * 10, console=console,
                       loader=self.serves[0].boot_file)  # fmt: skip
        files |= {f"{_FOLDER}/{config_name(address)}": waiting
                  for address in plan.unknown_addresses(Unknown.WAIT)}
        if plan.site.profiles:
            files[f"{_FOLDER}/default"] = fill(_LOCAL, text=_lost_text(plan), console=console)
        for name in plan.site.profiles:
            files[f"tftp/{name}.msg"] = fill(_MESSAGE, text=message_text(plan, name))
        return files

    def queue_file(self, plan: SitePlan, fill: Fill) -> str:
        return fill(_QUEUE, text=queue_text(plan), tenths=QUEUE_S * 10, console=plan.site.console,
                    loader=self.serves[0].boot_file)  # fmt: skip

    def install_file(self, plan: SitePlan, install: Install, fill: Fill) -> str:
        return self._boot_file(plan, install, self.kernel_place(plan.server_of(install), named=True), fill)

    def _boot_file(self, plan: SitePlan, install: Install, place: str, fill: Fill) -> str:
        menu = menu_of(plan, install, room=self.room)
        return fill(
            _BOOT,
            prompt=menu.prompt,
            timeout_tenths=max(1, round(menu.timeout_s * 10)),
            message=f"{menu.profile}.msg",
            command="LINUX" if menu.kernel.endswith(_NO_KERNELS) else "KERNEL",
            kernel=f"{place}{menu.kernel}",
            initrds=[f"{place}{one}" for one in menu.initrds],
            arguments=menu.arguments,
            console=menu.console,
        )


def _lost_text(plan: SitePlan) -> str:
    return f"Twinboot {plan.site.cluster}: no boot file of this machine; it starts from its disk."


def _names(machine: Machine) -> Iterator[str]:
    """Every name by which PXELINUX asks for the file of a host. Of a card of InfiniBand it knows no
    address."""
    host = machine.host
    if host.uuid is not None:
        yield host.uuid
    yield from (f"01-{mac.replace(':', '-')}" for mac in machine.ethernet)
    yield from map(config_name, host.all_addresses)
