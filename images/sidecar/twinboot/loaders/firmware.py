"""What machines say of themselves in their DHCP requests, and which firmware that is. Pure.

Owns the table FIRMWARES, option values -> Said, and Said -> Firmware. What a machine then gets is decision's.
Sources: RFC 4578 section 2.1 and IANA's "Processor Architecture Types" (option 93), RFC 3004 (option 77),
UEFI 2.10 section 24.7 (HTTPClient), iPXE's user class and its option 175.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..planning.boot_facts import Architecture
from ..site.model.power import PowerFirmware

VENDOR_CLASS, USER_CLASS, ARCHITECTURES, IPXE_OPTIONS = 60, 77, 93, 175
PXE_CLIENT, HTTP_CLIENT = "PXEClient", "HTTPClient"
IPXE_CLASS = b"iPXE"
IPXE_CLASS_LISTED = bytes((len(IPXE_CLASS),)) + IPXE_CLASS
_ARCH = re.compile(rf"({PXE_CLIENT}|{HTTP_CLIENT}):Arch:(\d{{5}})")


@dataclass(frozen=True, slots=True)
class Firmware:
    """Machines of one kind. name: as status and log have it.

    codes: processor architecture types (option 93). http: it boots by UEFI HTTP boot; also_codes: types of
    the same machines by PXE, which count when they say HTTPClient. ipxe: it is iPXE that asks. silent: also
    machines that do not say what they are. choice: the setting below `boot` that names another loader. runs:
    kernels for these; none: not known. boots_as: how these machines boot from the network, as it is recorded
    and as a BMC is told that they are to boot so; None: in none of these ways, and neither is done.
    """

    name: str
    codes: tuple[int, ...]
    runs: tuple[Architecture, ...] = ()
    also_codes: tuple[int, ...] = ()
    http: bool = False
    ipxe: bool = False
    silent: bool = False
    choice: str = ""
    boots_as: PowerFirmware | None = None


_X64, _IA32, _ARM64 = (7, 8, 9), (6,), (11,)
"""9 is EBC in IANA's list, and x64 in the machines: the first text of RFC 4578 had turned the two round. 8
was given to processors that are no more, and x64 machines are known to send it."""
_PC = (Architecture.X64, Architecture.IA32)
_X64_HTTP, _IA32_HTTP, _ARM64_HTTP = (16,), (15,), (19,)

_AS_BIOS, _AS_UEFI, _AS_HTTP = PowerFirmware.BIOS, PowerFirmware.UEFI, PowerFirmware.UEFI_HTTP

BIOS = Firmware("BIOS", (0,), _PC, silent=True, choice="bios", boots_as=_AS_BIOS)
UEFI_X64 = Firmware("UEFI x64", _X64, (Architecture.X64,), choice="uefi", boots_as=_AS_UEFI)
UEFI_IA32 = Firmware("UEFI ia32", _IA32, (Architecture.IA32,), choice="uefi", boots_as=_AS_UEFI)
UEFI_ARM64 = Firmware("UEFI arm64", _ARM64, (Architecture.ARM64,), choice="uefi", boots_as=_AS_UEFI)
HTTP_X64 = Firmware("UEFI x64 by HTTP", _X64_HTTP, (Architecture.X64,), _X64, http=True, choice="uefi",
                    boots_as=_AS_HTTP)  # fmt: skip
HTTP_IA32 = Firmware("UEFI ia32 by HTTP", _IA32_HTTP, (Architecture.IA32,), _IA32, http=True, choice="uefi",
                     boots_as=_AS_HTTP)  # fmt: skip
HTTP_ARM64 = Firmware("UEFI arm64 by HTTP", _ARM64_HTTP, (Architecture.ARM64,), _ARM64, http=True,
                      choice="uefi", boots_as=_AS_HTTP)  # fmt: skip
UBOOT_ARM64 = Firmware("U-Boot arm64", (22,), (Architecture.ARM64,))
IPXE_BIOS = Firmware("iPXE on BIOS", (0,), _PC, ipxe=True, silent=True, choice="ipxe", boots_as=_AS_BIOS)
IPXE_X64 = Firmware("iPXE on UEFI x64", (*_X64, *_X64_HTTP), (Architecture.X64,), ipxe=True,
                    boots_as=_AS_UEFI)  # fmt: skip
IPXE_IA32 = Firmware("iPXE on UEFI ia32", (*_IA32, *_IA32_HTTP), (Architecture.IA32,), ipxe=True,
                     boots_as=_AS_UEFI)  # fmt: skip
IPXE_ARM64 = Firmware("iPXE on UEFI arm64", (*_ARM64, *_ARM64_HTTP), (Architecture.ARM64,), ipxe=True,
                      boots_as=_AS_UEFI)  # fmt: skip

FIRMWARES = (
    IPXE_BIOS, IPXE_X64, IPXE_IA32, IPXE_ARM64, HTTP_X64, HTTP_IA32, HTTP_ARM64, BIOS, UEFI_X64, UEFI_IA32,
    UEFI_ARM64, UBOOT_ARM64,
)  # fmt: skip
"""In this order they are asked: iPXE sends the type of what it runs on, too."""

_NAMES = {
    1: "NEC PC98", 2: "UEFI Itanium", 10: "UEFI arm32", 14: "POWER OPAL", 17: "UEFI EBC by HTTP",
    18: "UEFI arm32 by HTTP", 20: "BIOS by HTTP", 21: "U-Boot arm32", 23: "U-Boot arm32 by HTTP",
    24: "U-Boot arm64 by HTTP", 25: "UEFI RISC-V 32", 27: "UEFI RISC-V 64", 28: "UEFI RISC-V 64 by HTTP",
    31: "s390", 32: "s390 extended", 39: "UEFI LoongArch 64", 40: "UEFI LoongArch 64 by HTTP",
    41: "Raspberry Pi",
}  # fmt: skip
"""Types of IANA's list that nothing here serves, for those who read of them."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a request says. architecture: the first processor architecture type, None when it names none.
    vendor: option 60 as text."""

    architecture: int | None
    vendor: str = ""
    ipxe: bool = False

    @property
    def http(self) -> bool:
        """It says that it boots by HTTP."""
        return self.vendor.startswith(HTTP_CLIENT)


def said_by(options: Mapping[int, bytes]) -> Said:
    """What the options of a request say.

    Option 93 is a list of 16-bit types, of which the first one counts; some ROMs send a single byte, and what
    is left over of an odd length says nothing. Without the option, `Arch:` of the vendor class counts. iPXE
    is told by its user class, plain as iPXE sends it or with its length before it in a list (RFC 3004), or by
    option 175, which nobody else uses.
    """
    vendor = options.get(VENDOR_CLASS, b"").decode("ascii", "replace").rstrip("\0")
    types = options.get(ARCHITECTURES, b"")[:2]
    architecture = int.from_bytes(types, "big") if types else None
    if architecture is None and (found := _ARCH.match(vendor)):
        architecture = int(found[2])
    user_class = options.get(USER_CLASS, b"")
    ipxe = IPXE_OPTIONS in options or user_class == IPXE_CLASS or IPXE_CLASS_LISTED in user_class
    return Said(architecture, vendor, ipxe)


def asks_for_boot_file(said: Said) -> bool:
    """Is it firmware that says this, rather than an installer or a system?"""
    return said.architecture is not None or said.vendor.startswith((PXE_CLIENT, HTTP_CLIENT))


def firmware_of(said: Said, known: Iterable[Firmware] = FIRMWARES) -> Firmware | None:
    """Which of the known firmware that is; None when it is none of them."""
    return next((one for one in in_order(known) if _is(said, one)), None)


def booted_as(said: Said, known: Iterable[Firmware] = FIRMWARES) -> tuple[str, bool]:
    """How a machine has booted from the network, as Firmware.boots_as has it, empty when it does not say; and
    whether that is sure: not by a loader that the firmware may have loaded otherwise."""
    found = firmware_of(said, known) if said.architecture is not None else None
    if found is None or found.boots_as is None:
        return "", False
    return found.boots_as.value, not found.ipxe


def in_order(known: Iterable[Firmware]) -> list[Firmware]:
    """In the order in which they are asked: that of the table, and others by their names."""
    places = {one: at for at, one in enumerate(FIRMWARES)}
    return sorted(known, key=lambda one: (not one.ipxe, not one.http, places.get(one, len(places)), one.name))


def _is(said: Said, firmware: Firmware) -> bool:
    if said.ipxe is not firmware.ipxe:
        return False
    if not said.ipxe and said.http and not firmware.http:
        return False
    if said.architecture is None:
        return firmware.silent
    return said.architecture in firmware.codes or (said.http and said.architecture in firmware.also_codes)


def label(said: Said) -> str:
    """The machine's architecture, for those who read of it."""
    found = firmware_of(said)
    if found is not None:
        return found.name
    if said.architecture is None:
        return f"{said.vendor or 'a machine'} without an architecture"
    name = _NAMES.get(said.architecture, "an unknown architecture")
    return f"{name} (type {said.architecture})"
