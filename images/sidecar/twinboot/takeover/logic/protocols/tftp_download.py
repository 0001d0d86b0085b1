"""One TFTP download, as servers tell each other of it: the file, the terms, and how far the client is. Pure.

Blocks are counted from 1 without an end here; on the wire a number has 16 bits. After 65535 comes the number
that `rollover` names, or 0. `acknowledged` is a block that the client had acknowledged when its server last
told: it may be further on, never behind. How much further it may be decides what its next acknowledgement
means (resolve), so a file of more than 65535 blocks needs a bound for that.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field, replace

from twinboot.wire.sections import put, take_once

from ..file_facts import CONTENT_BYTES, FileFacts
from .tftp_options import BLOCK_MAX, BLOCK_MIN, Terms

VERSION, VERSION_ROLLOVER = 2, 3
"""3: blocks roll over to 1. The release before, which would count wrongly, does not read that."""
LAST_NUMBER = 0xFFFF
BLOCK_NUMBERS, HALF_WAY = 0x10000, 0x8000
_FILE = struct.Struct(">HQq")
_POSITION = struct.Struct(">BH")
_PROGRESS = struct.Struct(">HQBBI")
_TAG_FILE, _TAG_POSITION, _TAG_PROGRESS, _TAG_CONTENT = 1, 2, 3, 4
_NOT_AGREED = 0xFF
_CONFIRMED, _COUNTS_ON = 1, 2


@dataclass(frozen=True, slots=True)
class Download:
    """server_port: the server's port of this download, 0 when not known. confirmed: the client has
    acknowledged something there, so it listens to that port and to no other. counts_on: the client asked for
    `timeout`; such clients (curl) compare numbers of 16 bits, as others (GRUB) do not behind block 65535."""

    path: bytes
    size: int
    version: int
    terms: Terms = field(default_factory=Terms)
    acknowledged: int = 0
    server_port: int = 0
    confirmed: bool = False
    counts_on: bool = False
    content: bytes = b""
    """Content of the file, as in FileFacts."""

    @property
    def facts(self) -> FileFacts:
        return FileFacts(self.size, self.version, self.content)

    @property
    def last_block(self) -> int:
        """The block that is shorter than the others, perhaps empty: it ends the download."""
        return self.size // self.terms.block_bytes + 1

    @property
    def rolls_over(self) -> bool:
        """One number stands for several of its blocks."""
        return self.last_block > LAST_NUMBER

    def number(self, block: int) -> int:
        """The number of a block on the wire."""
        if block <= LAST_NUMBER:
            return block
        first = self.terms.rollover or 0
        return first + (block - BLOCK_NUMBERS) % (BLOCK_NUMBERS - first)

    def offset(self, block: int) -> int:
        """Where a block begins in the file, bytes."""
        return (block - 1) * self.terms.block_bytes

    def following(self, number: int, floor: int) -> int | None:
        """The first block from `floor` on that has this number; None when the file has none."""
        round_of = BLOCK_NUMBERS - (self.terms.rollover or 0)
        if number:
            floor = max(floor, 1)  # block 0, the OACK, belongs to no round
        block = floor + (number - self.number(floor)) % round_of
        fits = block <= self.last_block and self.number(block) == number
        return block if fits else None

    def resolve(self, number: int, reach: int | None) -> int | None:
        """The block that the client's acknowledgement of this number means; None when that is not certain.

        reach: how many blocks the client may be beyond `acknowledged`; None when there is no bound.
        """
        block = self.following(number, self.acknowledged)
        if block is None or not self.rolls_over:
            return block
        if reach is None or reach >= BLOCK_NUMBERS - 1 or block > self.acknowledged + reach:
            return None
        if self.terms.rollover is None and self.acknowledged <= LAST_NUMBER < block:
            return None  # whether 0 or 1 came after 65535 nobody has seen
        return block

    def at(self, acknowledged: int) -> Download:
        return replace(self, acknowledged=acknowledged)


def encode(one: Download) -> bytes:
    """VERSION u8, then sections (wire/sections.py): 1 file = block bytes u16 | size u64 | version i64 | path;
    2 position = 32768 came since u8 | rounds u16, missing at the beginning, for the release before;
    3 progress = server's port u16 | acknowledged u64 | flags u8 | rollover u8, 255: not agreed on |
    the server repeats after u32 ms, 0: not agreed on;
    4 content = the beginning of the file's SHA-256, missing where that is not known."""
    terms = one.terms
    raw = bytes((VERSION_ROLLOVER if terms.rollover else VERSION,))
    raw += put(_TAG_FILE, _FILE.pack(terms.block_bytes, one.size, one.version) + one.path)
    rounds, number = divmod(one.acknowledged, BLOCK_NUMBERS)
    if one.acknowledged >= HALF_WAY:
        raw += put(_TAG_POSITION, _POSITION.pack(number >= HALF_WAY, rounds & 0xFFFF))
    if one.content:
        raw += put(_TAG_CONTENT, one.content)
    return raw + put(_TAG_PROGRESS, _PROGRESS.pack(
        one.server_port, one.acknowledged, _CONFIRMED * one.confirmed | _COUNTS_ON * one.counts_on,
        _NOT_AGREED if terms.rollover is None else terms.rollover, round(terms.retransmit_s * 1000)))


def decode(raw: bytes) -> Download:
    """ValueError when it is none."""
    if raw[:1] not in (bytes((VERSION,)), bytes((VERSION_ROLLOVER,))):
        raise ValueError("no record of a TFTP download")
    sections = take_once(raw, 1)
    file, position = sections.get(_TAG_FILE, b""), sections.get(_TAG_POSITION)
    if len(file) <= _FILE.size or (position is not None and len(position) < _POSITION.size):
        raise ValueError("no record of a TFTP download: a section is missing or too short")
    block_bytes, size, version = _FILE.unpack_from(file)
    if not BLOCK_MIN <= block_bytes <= BLOCK_MAX or size >= 1 << 63:
        raise ValueError(f"blocks of {block_bytes} bytes in a file of {size}")
    content = sections.get(_TAG_CONTENT, b"")[:CONTENT_BYTES]
    found = Download(file[_FILE.size:], size, version, Terms(block_bytes), content=content)
    progress = sections.get(_TAG_PROGRESS)
    if progress is None:
        return _of_the_release_before(found, position)
    if len(progress) < _PROGRESS.size:
        raise ValueError("no record of a TFTP download: its progress is too short")
    port, acknowledged, flags, rollover, repeat_ms = _PROGRESS.unpack_from(progress)
    if rollover not in (0, 1, _NOT_AGREED) or acknowledged > found.last_block:
        raise ValueError(f"rollover {rollover}, block {acknowledged} of {found.last_block}")
    terms = Terms(block_bytes, None if rollover == _NOT_AGREED else rollover, repeat_ms / 1000)
    return replace(found, terms=terms, acknowledged=acknowledged, server_port=port,
                   confirmed=bool(flags & _CONFIRMED), counts_on=bool(flags & _COUNTS_ON))


def _of_the_release_before(found: Download, position: bytes | None) -> Download:
    """It told when block 32768 and block 0 had come, and nothing of the server's port."""
    half, rounds = _POSITION.unpack_from(position) if position is not None else (0, 0)
    acknowledged = rounds * BLOCK_NUMBERS + (HALF_WAY if half else 0)
    return replace(found, acknowledged=min(acknowledged, found.last_block))
