"""EFI programs: what they are made for, whether they are whole, and who signed them."""

from __future__ import annotations

import pytest
from efiprograms import program, signature
from twinboot.loaders import pe
from twinboot.planning.boot_facts import Architecture


@pytest.mark.parametrize(
    ("machine", "found"),
    [(0x8664, Architecture.X64), (0x014C, Architecture.IA32), (0xAA64, Architecture.ARM64), (0x01C2, "arm32"),
     (0x1234, "machine type 0x1234")],
)  # fmt: skip
def test_machine(machine: int, found: Architecture | str) -> None:
    assert pe.read(program(machine)).machine == found


def test_who_signed_it() -> None:
    data = program(signed_by=["Microsoft Corporation UEFI CA 2011", "Microsoft UEFI CA 2023"])
    signers = [pe.signer(one) for one in pe.read(data).signatures]
    assert signers == ["Microsoft Corporation UEFI CA 2011", "Microsoft UEFI CA 2023"]
    assert pe.read(program()).signatures == ()


@pytest.mark.parametrize(
    "garbage", [b"", b"\x30", b"\x30\x80", b"\x30\x82\xff\xff\0", b"garbage", b"\x30\x03\x30\x01\x30"]
)
def test_a_signature_that_cannot_be_read_has_no_signer(garbage: bytes) -> None:
    assert pe.signer(garbage) == ""


@pytest.mark.parametrize("cut", range(1, 200, 7))
def test_a_signature_that_is_cut_short_has_no_signer(cut: int) -> None:
    whole = signature("A CA")
    assert pe.signer(whole[:-cut] if cut < len(whole) else b"") in ("", "A CA")


def test_certificates_of_a_shim() -> None:
    data = program(brings=["Debian Secure Boot CA"])
    assert pe.trusted_by(data, pe.read(data)) == ["Debian Secure Boot CA"]
    assert pe.trusted_by(program(), pe.read(program())) == []


def test_every_cut_is_noticed() -> None:
    """Of a file that ends too early nothing is served: whatever its length is."""
    whole = program(signed_by=["A CA"])
    assert pe.read(whole)
    for length in range(len(whole)):
        with pytest.raises(pe.NotWholeError):
            pe.read(whole[:length])


@pytest.mark.parametrize("data", [b"MZ", b"MZ" + bytes(100), b"\x7fELF" + bytes(100), b"#!ipxe\n" * 20])
def test_what_is_no_program(data: bytes) -> None:
    with pytest.raises(pe.NotWholeError):
        pe.read(data)
