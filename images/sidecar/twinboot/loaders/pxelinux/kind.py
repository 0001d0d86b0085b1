"""PXELINUX as a boot loader kind. Source: PXELINUX's manual, "Configuration"; RFC 5071.

Its files name no server: PXELINUX takes paths from next-server, which is the address of the same group.

PXELINUX asks for the file that option 209 names, then by UUID, by MAC, by address, by the address less
one digit after the other, at last for `default`; and it goes on to the next name also when an answer was
lost. So whatever a known machine gets to, is its own; and `default`, where every machine may end,
installs nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from ..base import Fill, Firmware
from ..menu import menu_of, message_text

if TYPE_CHECKING:
    from ...planning.plan import Install, Machine, SitePlan

MAX_COMMAND_LINE = 1800
"""x86 takes 2048 bytes, and PXELINUX adds BOOT_IMAGE=, initrd= and BOOTIF=."""

_BOOT, _LOCAL, _MESSAGE = "tftp/boot.j2", "tftp/local.j2", "tftp/message.msg.j2"
_FOLDER = "tftp/pxelinux.cfg"


def config_name(address: object) -> str:
    """192.168.0.128 -> C0A80080, as PXELINUX asks for it."""
    return "".join(f"{int(octet):02X}" for octet in str(address).split("."))


class Pxelinux:
    """See loaders.base.BootLoader."""

    name = "pxelinux"
    firmwares = (Firmware("BIOS", (0,), "pxelinux.0", silent=True),)
    reserved_arguments = ("initrd=", "BOOTIF=", "BOOT_IMAGE=")
    templates = (_BOOT, _LOCAL, _MESSAGE)

    def probe_file(self, plan: SitePlan) -> str:
        return "pxelinux.cfg/default" if plan.site.profiles else "pxelinux.0"

    def host_file(self, name: str) -> str:
        return f"pxelinux.cfg/host.{name}"

    def files(self, plan: SitePlan, fill: Fill) -> Mapping[str, str]:
        made: dict[Install, str] = {}

        def boot_file(install: Install) -> str:
            if install not in made:
                made[install] = _boot_file(plan, install, fill)
            return made[install]

        files = {
            f"{_FOLDER}/{config_name(address)}": boot_file(install) for address, install in plan.dynamic()
        }
        for machine in plan.machines:
            text = boot_file(machine.install)
            files |= {f"{_FOLDER}/{name}": text for name in _names(machine)}
            files[f"tftp/{self.host_file(machine.name)}"] = text
        if plan.site.profiles:
            files[f"{_FOLDER}/default"] = fill(_LOCAL, cluster=plan.site.cluster)
        for name in plan.site.profiles:
            files[f"tftp/{name}.msg"] = fill(_MESSAGE, text=message_text(plan, name))
        return files


def _names(machine: Machine) -> Iterator[str]:
    """Every name by which PXELINUX asks for the file of a host. Of a card of InfiniBand it knows no
    address."""
    host = machine.host
    if host.uuid is not None:
        yield host.uuid
    yield from (f"01-{mac.replace(':', '-')}" for mac in host.ethernet)
    yield from (config_name(address) for address in host.all_addresses)


def _boot_file(plan: SitePlan, install: Install, fill: Fill) -> str:
    menu = menu_of(plan, install, room=MAX_COMMAND_LINE)
    return fill(
        _BOOT,
        prompt=menu.prompt,
        timeout_tenths=max(1, round(menu.timeout_s * 10)),
        message=f"{menu.profile}.msg",
        kernel=menu.kernel,
        initrd=menu.initrd,
        arguments=menu.arguments,
    )
