"""Portable executables, the form of EFI programs and kernels: what they are made for, whether they are whole,
and who signed them. Pure.

Owns the reading of headers and of the names in signatures; it verifies nothing. Sources: Microsoft's PE
format specification (also "The Attribute Certificate Table"), RFC 5652 section 5 (SignedData), X.690.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from ..planning.boot_facts import Architecture

MACHINES = {0x8664: Architecture.X64, 0x014C: Architecture.IA32, 0xAA64: Architecture.ARM64}
_OTHERS = {0x01C2: "arm32", 0x0200: "Itanium", 0x0EBC: "EBC", 0x5032: "RISC-V 32", 0x5064: "RISC-V 64",
           0x6264: "LoongArch 64"}  # fmt: skip
_PE32, _PE32_PLUS = 0x10B, 0x20B
_CERTIFICATES = 4
"""Place of the certificate table among the data directories; its address is one of the file."""
_PKCS7 = 2
_COMMON_NAME = bytes.fromhex("0603550403")
_LONG = 0x80
"""Bit of a length in DER: so many octets of length follow."""
_SYMBOL, _SECTION = 18, 40
"""Bytes of an entry of the symbol table, and of the section table."""


class NotWholeError(ValueError):
    """The text says what is wrong, to follow the file's name."""


@dataclass(frozen=True, slots=True)
class Section:
    """Where a section's bytes are in the file."""

    name: str
    start: int
    size: int


@dataclass(frozen=True, slots=True)
class Program:
    """machine: architecture, or a word for one that nothing here boots. signatures: PKCS #7, in order."""

    machine: Architecture | str
    sections: tuple[Section, ...]
    signatures: tuple[bytes, ...]


def read(data: bytes) -> Program:
    """The program in these bytes; NotWholeError when it is none, or when a part of it is missing."""
    if not data:
        raise NotWholeError("is empty")
    if data[:2] != b"MZ" or len(data) < 0x40:
        raise NotWholeError("is no EFI program")
    try:
        return _program(data)
    except struct.error:
        raise NotWholeError("ends within its header") from None


def _program(data: bytes) -> Program:
    (head,) = struct.unpack_from("<I", data, 0x3C)
    if data[head:head + 4] != b"PE\0\0":
        raise NotWholeError("is no EFI program")
    machine, count, symbols_at, symbols, optional_size = struct.unpack_from("<HH4xIIH", data, head + 4)
    optional = head + 24
    (magic,) = struct.unpack_from("<H", data, optional)
    if magic not in (_PE32, _PE32_PLUS):
        raise NotWholeError("is no EFI program")
    directories = optional + (112 if magic == _PE32_PLUS else 96)
    (how_many,) = struct.unpack_from("<I", data, directories - 4)
    names_at = symbols_at + _SYMBOL * symbols
    sections = tuple(_sections(data, optional + optional_size, count, names_at))
    end = max((one.start + one.size for one in sections), default=0)
    at = size = 0
    if how_many > _CERTIFICATES:
        at, size = struct.unpack_from("<II", data, directories + 8 * _CERTIFICATES)
        end = max(end, at + size)
    if end > len(data):
        raise NotWholeError(f"has {len(data)} of {end} bytes")
    made_for = MACHINES.get(machine) or _OTHERS.get(machine, f"machine type 0x{machine:04x}")
    return Program(made_for, sections, tuple(_signatures(data[at:at + size])))


def _sections(data: bytes, at: int, count: int, names_at: int) -> Iterator[Section]:
    """names_at: the string table, where names of more than 8 bytes stand: `/26` is the one at its byte 26."""
    for number in range(count):
        name, size, start = struct.unpack_from("<8s8xII", data, at + _SECTION * number)
        name = name.rstrip(b"\0")
        if name[:1] == b"/" and name[1:].isdigit():
            name = data[names_at + int(name[1:]):].split(b"\0", 1)[0][:64]
        yield Section(name.decode("latin-1"), start if size else 0, size)


def _signatures(table: bytes) -> Iterator[bytes]:
    """The certificate table: entries on 8-byte boundaries."""
    at = 0
    while at + 8 <= len(table):
        length, _revision, kind = struct.unpack_from("<IHH", table, at)
        if length < 8:
            return
        if kind == _PKCS7:
            yield table[at + 8:at + length]
        at += (length + 7) & ~7


def signer(signature: bytes) -> str:
    """The common name of who issued the certificate that signed, such as `Microsoft UEFI CA 2023`; empty when
    it cannot be read.

    SEQUENCE { OID, [0] { SEQUENCE { version, digests, content, [0] certificates, SET of signers } } }, and a
    signer: SEQUENCE { version, SEQUENCE { issuer, serial number }, ... }.
    """
    try:
        (signed_data,) = _parts(_parts(signature)[1])
        first_signer = _parts(_parts(signed_data)[-1])[0]
        issuer = _parts(_parts(first_signer)[1])[0]
        return (common_names(issuer) or [""])[-1]
    except (IndexError, ValueError):
        return ""


def common_names(data: bytes) -> list[str]:
    """Every common name (OID 2.5.4.3) in DER, in order."""
    found, at = [], data.find(_COMMON_NAME)
    while at >= 0:
        at += len(_COMMON_NAME)
        if at + 2 <= len(data) and data[at + 1] < 0x80:
            found.append(data[at + 2:at + 2 + data[at + 1]].decode("utf-8", "replace"))
        at = data.find(_COMMON_NAME, at)
    return found


def trusted_by(data: bytes, shim: Program) -> list[str]:
    """The names in the certificates that a shim brings in its section `.vendor_cert`."""
    return [
        name for one in shim.sections if one.name == ".vendor_cert"
        for name in common_names(data[one.start:one.start + one.size])
    ]  # fmt: skip


def _parts(value: bytes) -> list[bytes]:
    """What a constructed DER value holds, each with its tag and length. ValueError: it is cut short."""
    at, end = _content(value, 0)
    found = []
    while at < end:
        _, after = _content(value, at)
        found.append(value[at:after])
        at = after
    return found


def _content(der: bytes, at: int) -> tuple[int, int]:
    """Where the content of the value at `at` begins and ends."""
    length, start = der[at + 1], at + 2
    if length & _LONG:
        many = length & ~_LONG
        length, start = int.from_bytes(der[start:start + many], "big"), start + many
    if start + length > len(der):
        raise ValueError("cut short")
    return start, start + length
