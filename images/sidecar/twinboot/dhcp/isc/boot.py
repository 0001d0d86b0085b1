"""The decision of loaders.decision as dhcpd's configuration has it: conditions of dhcp-eval(5).

Owns their syntax. What a machine says is kept in options that no client is sent: `twinboot.client` (how
it asks), `twinboot.type` (its architecture), and from both `twinboot.machine`. The boot file is named by it,
once for all where every profile has the same, and otherwise where the profile is known. dhcpd works an
option's value out when it sends it: an expression of next-server has the machine's own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ...loaders.decision import known_firmwares
from ...loaders.firmware import HTTP_CLIENT, IPXE_CLASS, IPXE_CLASS_LISTED, PXE_CLIENT, Firmware
from .. import offers

NEXT_SERVER = 'binary-to-ascii(10, 8, ".", config-option server.next-server)'
SILENT = "none"
"""twinboot.type of a machine that does not say what it is."""
_SPACE = 0x20
_IPXE, _HTTP, _PXE = "iPXE", "HTTP", "PXE"
_VENDOR = "option vendor-class-identifier"


@dataclass(frozen=True, slots=True)
class Case:
    """Something that requests say, and what follows from it. condition: in parentheses, as every operator
    has: dhcpd's parser knows no precedence; empty: all others."""

    name: str
    condition: str


@dataclass(frozen=True, slots=True)
class BootFile:
    """A boot file for machines of some kinds of firmware. file: an expression. http, ipxe: they boot by HTTP,
    they are iPXE."""

    condition: str
    file: str
    http: bool
    ipxe: bool
    comment: str


def clients() -> list[Case]:
    """How a machine asks (twinboot.client)."""
    listed = "".join(f"\\{octet:03o}" if octet < _SPACE else chr(octet) for octet in IPXE_CLASS_LISTED)
    ipxe = _any(("(exists ipxe-options)", f'(option user-class = "{IPXE_CLASS.decode()}")',
                 f'(option user-class ~= "{listed}")'))  # fmt: skip
    return [Case(_IPXE, ipxe), Case(_HTTP, _begins(HTTP_CLIENT)), Case(_PXE, "")]


def types() -> Iterator[Case]:
    """The architecture (twinboot.type) of machines that name it in their vendor class alone."""
    codes = dict.fromkeys(code for one in known_firmwares() for code in one.codes)
    for code in sorted(codes):
        yield Case(dhcpd_number(code), _names(f":Arch:{code:05d}"))
    yield Case(dhcpd_number(0xFFFF), _names(":Arch:"))


def machines() -> Iterator[Case]:
    """Every firmware that is known (twinboot.machine), in the order in which it is asked:
    loaders.firmware.firmware_of()."""
    for firmware in known_firmwares():
        tests = [*_types(firmware.codes)]
        if firmware.also_codes:
            also = _any(_types(firmware.also_codes))
            tests.append(f'((config-option twinboot.client = "{_HTTP}") and {also})')
        if firmware.silent:
            tests.append(f'(config-option twinboot.type = "{SILENT}")')
        client = f'= "{_IPXE}"' if firmware.ipxe else f'!= "{_IPXE}"' if firmware.http else f'= "{_PXE}"'
        yield Case(firmware.name, f"((config-option twinboot.client {client}) and {_any(tests)})")


def written(one: offers.BootFile) -> BootFile:
    """As dhcpd.conf has it."""
    offer, first = one.offer, one.firmwares[0]
    file = f'concat("http://", {NEXT_SERVER}, "/{offer.path}")' if offer.http else f'"{offer.path}"'
    comment = ", ".join(firmware.name for firmware in one.firmwares)
    return BootFile(is_one_of(one.firmwares), file, offer.http, first.ipxe, comment)


def is_one_of(firmwares: Iterable[Firmware]) -> str:
    """The condition that the machine has one of these kinds of firmware."""
    return _any(f'(config-option twinboot.machine = "{one.name}")' for one in firmwares)


def dhcpd_number(number: int) -> str:
    """A 16-bit number as dhcpd compares it: 00:07."""
    return f"{number >> 8:02x}:{number & 255:02x}"


def _types(codes: Iterable[int]) -> Iterator[str]:
    yield from (f"(config-option twinboot.type = {dhcpd_number(code)})" for code in codes)


def _names(text: str) -> str:
    """The vendor class is of one of these clients, and goes on with this text."""
    return _any(_begins(f"{client}{text}") for client in (PXE_CLIENT, HTTP_CLIENT))


def _begins(text: str) -> str:
    """The vendor class does."""
    return f'(substring({_VENDOR}, 0, {len(text)}) = "{text}")'


def _any(tests: Iterable[str]) -> str:
    tests = list(tests)
    return tests[0] if len(tests) == 1 else f"({' or '.join(tests)})"
