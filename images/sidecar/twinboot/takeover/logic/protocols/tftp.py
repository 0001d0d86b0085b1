"""The state of TFTP downloads that a peer needs to continue them (RFC 1350, 2347, 2348). Pure.

TFTP works in lockstep: a client that lacks block n + 1 repeats ACK n. So the peer needs little more than the
request: the file and the block size. Block numbers have 16 bits; how often they have wrapped is tracked by
the acknowledgements of 32768 and 0.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from itertools import islice

from twinboot.wire.sections import put, take_once

PORT = 69
VERSION = 2
MAX_DOWNLOADS = 1000
"""Downloads tracked at once, about one per booting machine; beyond that the oldest is dropped."""
MAX_PER_CLIENT = 16
"""A booting machine has one or two; a client that sends requests without end evicts only its own."""
EXPIRE_AFTER_S = 900.0
"""The end of a download is not captured. With a 100 MB initrd over a slow link minutes pass between two
captured acknowledgements."""
BLOCK_NUMBERS, HALF_WAY = 0x10000, 0x8000
_RRQ, _DATA, _ACK, _OACK = 1, 3, 4, 6
_BLOCK_BYTES, _BLOCK_MAX = 512, 65464
_FILE = struct.Struct(">HQq")
_POSITION = struct.Struct(">BH")
_TAG_FILE, _TAG_POSITION = 1, 2

FileFactsOf = Callable[[bytes], tuple[int, int] | None]
"""Path -> size of a published file, and its version: the time of its last change, or a digest."""
Client = tuple[IPv4Address, int]


@dataclass(frozen=True, slots=True)
class Datagram:
    """A UDP datagram: addresses, ports and payload."""

    source: IPv4Address
    source_port: int
    target: IPv4Address
    target_port: int
    payload: bytes

    @property
    def opcode(self) -> int:
        return int.from_bytes(self.payload[:2], "big") if len(self.payload) >= 4 else 0

    @property
    def block_number(self) -> int:
        """The block number of a DATA or ACK."""
        return int.from_bytes(self.payload[2:4], "big")


@dataclass(frozen=True, slots=True)
class Download:
    """One download. wraps: how often its block numbers have wrapped. past_half: ACK 32768 came since then."""

    path: bytes
    block_bytes: int
    size: int
    version: int
    wraps: int = 0
    past_half: bool = False

    def offset(self, acknowledged: int) -> int | None:
        """The offset of the next block after this acknowledgement, bytes; None when it is beyond the file."""
        rounds = self.wraps
        if self.past_half and acknowledged < HALF_WAY // 2:
            rounds += 1  # ACK 0 was not captured, or its record not replicated in time
        at = (rounds * BLOCK_NUMBERS + acknowledged) * self.block_bytes
        return at if at <= self.size else None

    def at(self, offset: int) -> Download:
        """The download at this offset."""
        rounds, number = divmod(offset // self.block_bytes, BLOCK_NUMBERS)
        return replace(self, wraps=rounds, past_half=number >= HALF_WAY)


def parse_datagram(frame: bytes) -> Datagram | None:
    """The UDP datagram in an Ethernet frame; None when there is no complete one."""
    if len(frame) < 42 or frame[12:14] != b"\x08\x00" or frame[14] >> 4 != 4 or frame[23] != 17:
        return None
    if int.from_bytes(frame[20:22], "big") & 0x3FFF:
        return None  # a fragment
    at = 14 + (frame[14] & 0x0F) * 4
    if len(frame) < at + 8:
        return None
    source_port, target_port, length = struct.unpack_from(">HHH", frame, at)
    return Datagram(IPv4Address(frame[26:30]), source_port, IPv4Address(frame[30:34]), target_port,
                    frame[at + 8:at + max(length, 8)])


def data_packet(number: int, block: bytes) -> bytes:
    return struct.pack(">HH", _DATA, number % BLOCK_NUMBERS) + block


def acked_block(payload: bytes) -> int | None:
    """The block number of an ACK; None for anything else."""
    if len(payload) < 4 or int.from_bytes(payload[:2], "big") != _ACK:
        return None
    return int.from_bytes(payload[2:4], "big")


class Downloads:
    """Tracks the downloads of the addresses held here. changes(): what is to be sent to the peers."""

    def __init__(self, file_facts: FileFactsOf) -> None:
        self._file_facts = file_facts
        self._downloads: dict[tuple[Client, IPv4Address], Download] = {}
        self._seen_at: dict[tuple[Client, IPv4Address], float] = {}
        self._by_client: dict[IPv4Address, dict[tuple[Client, IPv4Address], None]] = {}
        self._announced: set[tuple[Client, IPv4Address]] = set()
        self._changed: dict[tuple[Client, IPv4Address], None] = {}
        self._now = 0.0

    def observe(self, one: Datagram, addresses: set[IPv4Address], now: float) -> None:
        """Process a datagram to or from one of the held addresses."""
        self._now = now
        if one.target in addresses and one.target_port == PORT and one.opcode == _RRQ:
            self._begin(one)
        elif one.source in addresses and one.opcode == _OACK:
            key = ((one.target, one.target_port), one.source)
            self._put(key, _apply_oack(self._downloads.get(key), one.payload))
        elif one.target in addresses and one.opcode == _ACK:
            key = ((one.source, one.source_port), one.target)
            self._put(key, _apply_ack(self._downloads.get(key), one.block_number))

    @property
    def waiting(self) -> int:
        """How many changes are not reported yet."""
        return len(self._changed)

    def changes(self, limit: int) -> Iterator[tuple[Client, IPv4Address, Download | None]]:
        """At most `limit` changes that were not reported yet, the oldest first; None: dropped."""
        for key in list(islice(self._changed, limit)):
            del self._changed[key]
            one = self._downloads.get(key)
            (self._announced.discard if one is None else self._announced.add)(key)
            yield *key, one

    def followed(self) -> Iterator[tuple[Client, IPv4Address, Download]]:
        for key, one in self._downloads.items():
            yield *key, one

    def seed(self, client: Client, address: IPv4Address, one: Download, now: float) -> None:
        """Track a download that was taken over here."""
        self._now = now
        self._put((client, address), one)

    def expire(self, now: float) -> None:
        """Drop downloads of which nothing was captured for EXPIRE_AFTER_S: over, or the client is off."""
        for key in [key for key, at in self._seen_at.items() if now >= at + EXPIRE_AFTER_S]:
            self._forget(key)

    def release(self, address: IPv4Address) -> None:
        """Drop the downloads of an address that is not held here any more."""
        for key in [key for key in self._downloads if key[1] == address]:
            self._forget(key)

    def _begin(self, one: Datagram) -> None:
        fields = one.payload[2:].split(b"\0")
        if len(fields) < 2 or fields[1].lower() != b"octet":
            return
        path = fields[0]
        found = self._file_facts(path)
        key = ((one.source, one.source_port), one.target)
        if found is None or len(path) > 512:
            self._forget(key)
            return
        self._forget(key)
        others = self._by_client.get(one.source, {})
        while len(others) >= MAX_PER_CLIENT:
            self._forget(next(iter(others)))
        self._put(key, Download(path, _BLOCK_BYTES, *found))
        while len(self._downloads) > MAX_DOWNLOADS:
            self._forget(next(iter(self._downloads)))

    def _put(self, key: tuple[Client, IPv4Address], new: Download | None) -> None:
        if new is None:
            return
        self._seen_at[key] = self._now
        if self._downloads.get(key) != new:
            self._downloads[key] = new
            self._changed[key] = None
            self._by_client.setdefault(key[0][0], {})[key] = None

    def _forget(self, key: tuple[Client, IPv4Address]) -> None:
        self._seen_at.pop(key, None)
        if self._downloads.pop(key, None) is None:
            return
        of = self._by_client[key[0][0]]
        del of[key]
        if not of:
            del self._by_client[key[0][0]]
        if key in self._announced:
            self._changed[key] = None
        else:
            self._changed.pop(key, None)  # never reported, so there is nothing to withdraw


def _apply_oack(known: Download | None, payload: bytes) -> Download | None:
    """The download with the block size of the server's OACK (RFC 2347, 2348)."""
    if known is None:
        return None
    fields = payload[2:].split(b"\0")
    options = dict(zip(fields[::2], fields[1::2], strict=False))
    try:
        size = int({name.lower(): text for name, text in options.items()}.get(b"blksize", b"512"))
    except ValueError:
        return None
    return replace(known, block_bytes=size) if 8 <= size <= _BLOCK_MAX else None


def _apply_ack(known: Download | None, number: int) -> Download | None:
    """The download after ACK 32768 or ACK 0."""
    if known is None:
        return None
    if number == HALF_WAY:
        return replace(known, past_half=True)
    if number == 0 and known.past_half:
        return replace(known, past_half=False, wraps=known.wraps + 1)
    return known


def encode(one: Download) -> bytes:
    """VERSION u8, then sections (wire/sections.py): 1 file = block bytes u16 | size u64 | version i64 | path;
    2 position = 32768 came since u8 | rounds u16, missing at the beginning."""
    file = _FILE.pack(one.block_bytes, one.size, one.version) + one.path
    raw = bytes((VERSION,)) + put(_TAG_FILE, file)
    if one.wraps or one.past_half:
        raw += put(_TAG_POSITION, _POSITION.pack(one.past_half, one.wraps))
    return raw


def decode(raw: bytes) -> Download:
    """ValueError when it is none."""
    if raw[:1] != bytes((VERSION,)):
        raise ValueError("no record of a TFTP download")
    sections = take_once(raw, 1)
    file, position = sections.get(_TAG_FILE, b""), sections.get(_TAG_POSITION)
    if len(file) <= _FILE.size or (position is not None and len(position) < _POSITION.size):
        raise ValueError("no record of a TFTP download: a section is missing or too short")
    block_bytes, size, version = _FILE.unpack_from(file)
    if not 8 <= block_bytes <= _BLOCK_MAX:
        raise ValueError(f"blocks of {block_bytes} bytes")
    half, rounds = _POSITION.unpack_from(position) if position is not None else (0, 0)
    return Download(file[_FILE.size:], block_bytes, size, version, rounds, bool(half))
