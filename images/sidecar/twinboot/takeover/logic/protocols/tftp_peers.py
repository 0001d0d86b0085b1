"""What the other servers have told of their TFTP downloads, and how old it can be. Pure.

A server with a download of more than 65535 blocks tells every WATCH_EVERY_S that it watches, how many blocks
its peers are behind at most, and how fast clients may be. From that and the time since then follows how far a
client may be beyond the block that is known. Without it the acknowledgement of such a download has no certain
meaning.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from ipaddress import IPv4Address

from twinboot.takeover.logic.record import ConnectionKey
from twinboot.wire.sections import put, take_once

from .tftp import MAX_DOWNLOADS, Client
from .tftp_download import Download, decode
from .tftp_packets import PORT

WATCH_EVERY_S, WATCH_VALID_S = 0.25, 10.0
_VERSION_WATCH = 4
_TAG_WATCH = 1
_WATCH = struct.Struct(">IQI")
_NOBODY = IPv4Address(0)


@dataclass(frozen=True, slots=True)
class Watch:
    """untold_blocks: how much further the clients may have been than the peers knew. at_s: on the teller's
    monotonic clock. blocks_per_s: how fast a client may be since then."""

    untold_blocks: int
    at_s: float
    blocks_per_s: int


@dataclass(frozen=True, slots=True)
class Known:
    """A download of a dead server. reach: how many blocks its client may be beyond `acknowledged`; None when
    that has no bound."""

    client: Client
    download: Download
    reach: int | None


@dataclass(slots=True)
class _Teller:
    downloads: dict[ConnectionKey, Download] = field(default_factory=dict)
    watches: dict[IPv4Address, Watch] = field(default_factory=dict)
    watched_at: dict[IPv4Address, float] = field(default_factory=dict)


class PeerDownloads:
    """By server; the one without a name is this server's takeover process before this one."""

    def __init__(self) -> None:
        self._tellers: dict[str, _Teller] = {}

    def clear(self) -> None:
        self._tellers.clear()

    def forget(self, name: str) -> None:
        self._tellers.pop(name, None)

    def store(self, name: str, key: ConnectionKey, value: bytes | None, now: float) -> None:
        """A record of this server. ValueError: malformed."""
        teller = self._tellers.setdefault(name, _Teller())
        if key.client == _NOBODY:
            self._store_watch(teller, key.server, value, now, own=not name)
            return
        teller.downloads.pop(key, None)
        if value is not None and len(teller.downloads) < MAX_DOWNLOADS:
            teller.downloads[key] = decode(value)  # at the end: the last heard of stand last

    def of(self, address: IPv4Address, holder: str, now: float, *, own: bool = False) -> list[Known]:
        """What the holder told of the address's downloads, the last heard of first; everybody, when it is not
        known who that was. own: what our own takeover process before this one told."""
        names = [""] if own else [holder] if holder in self._tellers else sorted(self._tellers)
        found: dict[ConnectionKey, Known] = {}
        for name in names:
            teller = self._tellers.get(name, _Teller())
            reach = _reach(teller, address, now)
            for key, one in teller.downloads.items():
                if key.server == address:
                    found.pop(key, None)
                    found[key] = Known((key.client, key.client_port), one, reach)
        return list(reversed(found.values()))

    @staticmethod
    def _store_watch(
        teller: _Teller, address: IPv4Address, value: bytes | None, now: float, *, own: bool
    ) -> None:
        before = teller.watches.pop(address, None)
        if value is None:
            teller.watched_at.pop(address, None)
            return
        watch = teller.watches[address] = decode_watch(value)
        if own:
            teller.watched_at[address] = min(watch.at_s, now)  # one kernel, one clock
        elif before is not None and before != watch:
            teller.watched_at[address] = now  # the first may be an old one, told to this process anew


def _reach(teller: _Teller, address: IPv4Address, now: float) -> int | None:
    at_s = teller.watched_at.get(address)
    if at_s is None or now > at_s + WATCH_VALID_S:
        return None
    watch = teller.watches[address]
    return watch.untold_blocks + int(watch.blocks_per_s * (now - at_s))


def watch_key(address: IPv4Address) -> ConnectionKey:
    """The key of a server's Watch of an address: that of no client."""
    return ConnectionKey(_NOBODY, 0, address, PORT)


def encode_watch(one: Watch) -> bytes:
    """VERSION u8, then section 1 = untold blocks u32 | time u64 in ms | blocks a second u32."""
    blocks = min(one.untold_blocks, 0xFFFFFFFF)
    return bytes((_VERSION_WATCH,)) + put(_TAG_WATCH, _WATCH.pack(
        blocks, round(one.at_s * 1000), one.blocks_per_s))


def decode_watch(raw: bytes) -> Watch:
    """ValueError when it is none."""
    if raw[:1] != bytes((_VERSION_WATCH,)):
        raise ValueError("no watch of TFTP downloads")
    body = take_once(raw, 1).get(_TAG_WATCH, b"")
    if len(body) < _WATCH.size:
        raise ValueError("a watch of TFTP downloads that is too short")
    blocks, at_ms, blocks_per_s = _WATCH.unpack_from(body)
    return Watch(blocks, at_ms / 1000, blocks_per_s)
