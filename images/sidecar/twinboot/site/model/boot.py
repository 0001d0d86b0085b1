"""How machines boot: the boot loader where there is a choice, the console, what unknown machines do, and how
long each step of a known one may be silent."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Protocol

from pydantic import Field, JsonValue

from ...kinds import LOADERS
from .base import Model
from .fields import ConsoleDevice, Speed, one_of


def _loaders_for(setting: str) -> Callable[[], list[JsonValue]]:
    def names() -> list[JsonValue]:
        return [
            loader.name for loader in LOADERS.all()
            if any(served.firmware.choice == setting for served in loader.serves)
        ]  # fmt: skip

    return names


_DAY_S = 86_400
_BIOS, _UEFI, _IPXE = _loaders_for("bios"), _loaders_for("uefi"), _loaders_for("ipxe")
_WHAT = "boot loader that serves this firmware"
BiosLoader = Annotated[str, one_of(_BIOS, _WHAT), Field(json_schema_extra=lambda s: s.update(enum=_BIOS()))]
UefiLoader = Annotated[str, one_of(_UEFI, _WHAT), Field(json_schema_extra=lambda s: s.update(enum=_UEFI()))]
IpxeLoader = Annotated[str, one_of(_IPXE, _WHAT), Field(json_schema_extra=lambda s: s.update(enum=_IPXE()))]


class _Firmware(Protocol):
    """loaders.firmware.Firmware."""

    @property
    def choice(self) -> str: ...


class Boot(Model):
    """The boot loader of each kind of firmware, where another one than the default is wanted."""

    bios: BiosLoader | None = Field(
        default=None, description="boot loader of machines with BIOS: pxelinux (default), lpxelinux or ipxe"
    )
    uefi: UefiLoader | None = Field(
        default=None,
        description="of machines with UEFI: grub (default), with the shim of the profile's tree; ipxe is not "
        "signed, so Secure Boot refuses it",
    )
    ipxe: IpxeLoader | None = Field(
        default=None,
        description="of machines whose own ROM is iPXE, on BIOS: ipxe (default), a script by HTTP; or "
        "pxelinux, lpxelinux",
    )

    def loader_of(self, firmware: _Firmware) -> str:
        """Name of the boot loader that serves this firmware: the chosen one, where that one does, or else the
        default one; empty: none. One setting is for several kinds of firmware, and a loader need not serve
        all of them. AttributeError: there is no setting of the name that the firmware says."""
        chosen = getattr(self, firmware.choice) if firmware.choice else None
        serving = {loader.name: one.default for loader in LOADERS.all() for one in loader.serves
                   if one.firmware == firmware}  # fmt: skip
        if chosen in serving:
            return str(chosen)
        return next((name for name, default in serving.items() if default), "")

    def serving(self) -> tuple[str, ...]:
        """Names of the boot loaders that serve some firmware."""
        firmwares = {one.firmware for loader in LOADERS.all() for one in loader.serves}
        names = {self.loader_of(one) for one in firmwares}
        return tuple(loader.name for loader in LOADERS.all() if loader.name in names)

    def in_use(self) -> tuple[str, ...]:
        """Names of the boot loaders whose files are published: those that serve some firmware, and whose
        place no other one takes."""
        serving = self.serving()
        replaced = {one for name in serving for one in LOADERS.get(name).replaces}
        return tuple(name for name in serving if name not in replaced)


class Console(Model):
    """A serial console: of the boot loader, of the installer's kernel, of the installed system."""

    device: ConsoleDevice = Field(default="ttyS0", description="as the kernel names it, such as ttyS0")
    speed: Speed = Field(default=115200, description="bit/s")

    @property
    def unit(self) -> int | None:
        """The number of the PC's serial port that boot loaders know it by; None: they know none."""
        number = self.device.removeprefix("ttyS")
        return int(number) if number.isdigit() else None


class StepLimits(Model):
    """For how long nothing may be heard of an install at a step, before it counts as stalled."""

    loader_s: float | None = Field(
        default=None, ge=10, le=_DAY_S, description="boot loader, until the kernel is asked for; default: 300"
    )
    kernel_s: float | None = Field(
        default=None, ge=10, le=_DAY_S, description="kernel, until answers are asked for; default: 900"
    )
    answers_s: float | None = Field(
        default=None, ge=10, le=_DAY_S, description="until the installer asks whether it may; default: 900"
    )
    packages_s: float | None = Field(
        default=None, ge=60, le=_DAY_S, description="without a byte more on the disk; default: 600"
    )
    finishing_s: float | None = Field(
        default=None, ge=60, le=_DAY_S, description="scripts of the profile (post); default: 1800"
    )


class Unknown(StrEnum):
    """What a machine without an entry does."""

    INSTALL = "install"
    DISK = "disk"
    WAIT = "wait"
