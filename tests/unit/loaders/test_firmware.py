"""What machines say in their DHCP requests, by requests of real firmware and by odd ones: row by row."""

from __future__ import annotations

import pytest
from twinboot.loaders.firmware import (
    BIOS,
    FIRMWARES,
    HTTP_ARM64,
    HTTP_IA32,
    HTTP_X64,
    IPXE_ARM64,
    IPXE_BIOS,
    IPXE_X64,
    UBOOT_ARM64,
    UEFI_ARM64,
    UEFI_IA32,
    UEFI_X64,
    Firmware,
    Said,
    booted_as,
    firmware_of,
    label,
    said_by,
)  # fmt: skip
from twinboot.site.model.power import PowerFirmware
from twinboot.wire.net import dhcp_packet

# The options of DISCOVERs that OVMF (EDK2 of Debian 12) and iPXE (QEMU's ROM, Debian's snponly.efi) sent.
OVMF_PXE = (
    "350101390205c037230102030405060c0d0f111216171c28292a2b3233363a3b3c4243618081828384858687611100000000"
    "000000000000000000000000005e030103005d0200073c20505845436c69656e743a417263683a30303030373a554e44493a"
    "303033303030ff"
)
OVMF_HTTP = (
    "350101390205c0371b0102030405060c0d0f111216171c28292a2b3233363a3b3ceb43616111000000000000000000000000"
    "00000000005e030103005d0200103c2148545450436c69656e743a417263683a30303031363a554e44493a303033303030ff"
)
IPXE_ON_BIOS = (
    "350101390205c05d0200005e030102013c20505845436c69656e743a417263683a30303030303a554e44493a303032303031"
    "4d04695058453717010306070c0f111a2b3c4243778081828384858687afcbaf30b105011af41000eb030100001701012201"
    "011301011101012701011901012901011001022101011501011801011201013d070152540000012861110000000000000000"
    "000000000000000000ff"
)
IPXE_ON_UEFI = (
    "350101390205c05d0200075e0301030a3c09505845436c69656e744d04695058453718010306070c0f111a2a2b3c42437780"
    "81828384858687afcbaf2ab105011af41000eb03010000260101170101270101240101130101140101110101290101150101"
    "1201013d070152540000012861110000000000000000000000000000000000ff"
)


@pytest.mark.parametrize(
    ("request_options", "firmware"),
    [(OVMF_PXE, UEFI_X64), (OVMF_HTTP, HTTP_X64), (IPXE_ON_BIOS, IPXE_BIOS), (IPXE_ON_UEFI, IPXE_X64)],
    ids=["OVMF by PXE", "OVMF by HTTP", "iPXE on BIOS", "iPXE on UEFI"],
)
def test_requests_of_real_firmware(request_options: str, firmware: Firmware) -> None:
    assert firmware_of(said_by(dhcp_packet.options(bytes.fromhex(request_options)))) == firmware


ROWS = [
    ({}, BIOS),
    ({93: b"\0\0"}, BIOS),
    ({93: b"\0"}, BIOS),
    ({93: b""}, BIOS),
    ({93: b"\0\x06"}, UEFI_IA32),
    ({93: b"\0\x07"}, UEFI_X64),
    ({93: b"\x07"}, UEFI_X64),
    ({93: b"\0\x08"}, UEFI_X64),
    ({93: b"\0\x09"}, UEFI_X64),
    ({93: b"\0\x0b"}, UEFI_ARM64),
    ({93: b"\0\x0f", 60: b"HTTPClient"}, HTTP_IA32),
    ({93: b"\0\x10", 60: b"HTTPClient:Arch:00016:UNDI:003001"}, HTTP_X64),
    ({93: b"\0\x10"}, HTTP_X64),
    ({93: b"\0\x13", 60: b"HTTPClient"}, HTTP_ARM64),
    ({93: b"\0\x07", 60: b"HTTPClient:Arch:00007"}, HTTP_X64),
    ({60: b"HTTPClient:Arch:00019"}, HTTP_ARM64),
    ({60: b"PXEClient:Arch:00007:UNDI:003016"}, UEFI_X64),
    ({60: b"PXEClient:Arch:00011\0"}, UEFI_ARM64),
    ({60: b"PXEClient"}, BIOS),
    ({60: b"MSFT 5.0"}, BIOS),
    ({93: b"\0\x16", 60: b"U-Boot.armv8"}, UBOOT_ARM64),
    ({60: b"xPXEClient:Arch:00007"}, BIOS),
    ({60: b"PXEClient:Arch:0000"}, BIOS),
    ({93: b"\0\0", 60: b"PXEClient:Arch:00007"}, BIOS),
    # a list: the first one counts, whatever follows, and half a type says nothing
    ({93: b"\0\x07\0\0"}, UEFI_X64),
    ({93: b"\0\0\0\x07"}, BIOS),
    ({93: b"\0\x0b\0"}, UEFI_ARM64),
    # iPXE, in both forms of the user class, and by its own option
    ({93: b"\0\0", 77: b"iPXE"}, IPXE_BIOS),
    ({77: b"\x04iPXE"}, IPXE_BIOS),
    ({93: b"\0\x0b", 77: b"\x03foo\x04iPXE"}, IPXE_ARM64),
    ({93: b"\0\x07", 175: b"\xb1\x05\x01\x1a\xf4\x10\0"}, IPXE_X64),
    ({93: b"\0\x10", 60: b"HTTPClient", 77: b"iPXE"}, IPXE_X64),
    ({93: b"\0\x07", 77: b"iPXEs"}, UEFI_X64),
    ({93: b"\0\x07", 77: b"foo"}, UEFI_X64),
    # nothing is for these
    ({93: b"\0\x15"}, None),
    ({93: b"\xff\xff"}, None),
    ({93: b"\x01\x07"}, None),
    ({60: b"HTTPClient"}, None),
    ({93: b"\0\0", 60: b"HTTPClient"}, None),
    ({60: b"PXEClient:Arch:00099"}, None),
    ({93: b"\0\x15", 77: b"iPXE"}, None),
    ({93: b"\0\x16", 77: b"iPXE"}, None),
    ({93: b"\0\x16", 60: b"HTTPClient"}, None),
]


@pytest.mark.parametrize(("options", "firmware"), ROWS, ids=[repr(row[0]) for row in ROWS])
def test_row(options: dict[int, bytes], firmware: Firmware | None) -> None:
    assert firmware_of(said_by(options)) == firmware


def test_the_order_of_the_table_does_not_matter() -> None:
    for options, firmware in ROWS:
        assert firmware_of(said_by(options), reversed(FIRMWARES)) == firmware


def test_what_nothing_is_for_has_a_name() -> None:
    assert "U-Boot arm32" in label(Said(0x15))
    assert "4660" in label(Said(0x1234))
    assert "HTTPClient" in label(Said(None, "HTTPClient"))
    assert label(Said(7)) == UEFI_X64.name


@pytest.mark.parametrize(("options", "wanted"), [
    ({93: b"\0\0"}, ("bios", True)),
    ({93: b"\0\7"}, ("uefi", True)),
    ({93: b"\0\x0b"}, ("uefi", True)),
    ({93: b"\0\x10"}, ("uefi-http", True)),
    ({93: b"\0\7", 60: b"HTTPClient:Arch:00007"}, ("uefi-http", True)),
    ({93: b"\0\7", 77: b"iPXE"}, ("uefi", False)),
    ({93: b"\0\0", 175: b"x"}, ("bios", False)),
    ({93: b"\0\x16"}, ("", False)),
    ({60: b"PXEClient"}, ("", False)),
    ({}, ("", False)),
])
def test_how_a_machine_has_booted(options: dict[int, bytes], wanted: tuple[str, bool]) -> None:
    """What iPXE says may be said after a boot by UEFI HTTP, and is not the firmware's word."""
    assert booted_as(said_by(options)) == wanted


def test_new_firmware_is_recorded_as_it_says_itself_and_not_as_uefi() -> None:
    new, known = Firmware("Toy", (0x1234,)), Firmware("Told", (0x1235,), boots_as=PowerFirmware.BIOS)
    assert booted_as(Said(0x1234), (*FIRMWARES, new, known)) == ("", False)
    assert booted_as(Said(0x1235), (*FIRMWARES, new, known)) == ("bios", True)
