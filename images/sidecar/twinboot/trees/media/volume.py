"""The head of an ISO 9660 volume: its label, its size, and the MD5 that was implanted in it.

Owns what is read before the medium is opened, to say at once that it is none, or that it was cut short; its
files are read by libarchive. Sources: ECMA-119, 8.4 (primary volume descriptor); ECMA-167 2/9.1 (NSR02);
isomd5sum: the application's area says which MD5 the volume has while that area holds spaces.
"""

from __future__ import annotations

import hashlib
import re
import struct
from dataclasses import dataclass
from pathlib import Path

from .contents import MediumError

_SECTOR = 2048
_DESCRIPTORS_AT = 16 * _SECTOR
_APPLICATION_AT, _APPLICATION_SIZE = _DESCRIPTORS_AT + 883, 512
_PADDING = 150 * _SECTOR
"""Writers pad a volume by so much; copies of discs often lack it."""
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Volume:
    """label: its name. size: bytes that it should have. md5: of its first `covered` bytes; empty: none is
    implanted."""

    label: str
    size: int
    md5: str = ""
    covered: int = 0


def read_volume(path: Path) -> Volume | None:
    """None: this is no ISO 9660 volume. MediumError: it is one, but cut short."""
    with path.open("rb") as file:
        file.seek(_DESCRIPTORS_AT)
        head = file.read(_SECTOR * 4)
        there = file.seek(0, 2)
    if head[1:6] in (b"BEA01", b"NSR02", b"NSR03"):
        raise MediumError("is UDF without ISO 9660, which is not read: mount it (mount -o loop) and import "
                          "the folder")
    if head[:6] != b"\x01CD001" or len(head) < _SECTOR:
        return None
    sectors, = struct.unpack_from("<I", head, 80)
    size = sectors * _SECTOR
    if there + _PADDING < size:
        raise MediumError(f"is cut short: {there:,} bytes of {size:,} are there; fetch it again")
    label = head[40:72].decode("ascii", "replace").strip(" \0")
    md5, covered = _implanted(head[883:883 + _APPLICATION_SIZE].decode("ascii", "replace"), size)
    return Volume(label, size, md5, covered)


def _implanted(text: str, size: int) -> tuple[str, int]:
    md5 = re.search(r"ISO MD5SUM = ([0-9a-f]{32})", text)
    skipped = re.search(r"SKIPSECTORS = ([0-9]+)", text)
    return (md5[1], size - (int(skipped[1]) if skipped else 0) * _SECTOR) if md5 else ("", 0)


def implanted_md5_holds(path: Path, volume: Volume) -> bool:
    """Reads the whole volume. Lets other threads work meanwhile."""
    digest, at = hashlib.md5(usedforsecurity=False), 0
    with path.open("rb", buffering=0) as file:
        while at < volume.covered:
            block = file.read(min(_BLOCK, volume.covered - at))
            if not block:
                return False
            digest.update(_without_application(block, at))
            at += len(block)
    return digest.hexdigest() == volume.md5


def _without_application(block: bytes, at: int) -> bytes:
    """The block at this offset, spaces where the application's area is."""
    begin = max(_APPLICATION_AT - at, 0)
    end = min(_APPLICATION_AT + _APPLICATION_SIZE - at, len(block))
    return block if begin >= end else block[:begin] + b" " * (end - begin) + block[end:]
