"""Machines without an entry in the site file that ask to boot from the network: what they say of themselves.

Every server keeps what it has heard itself and what its peers tell, as one table, and tells it on: so all of
them list the same, and what the hearer of a machine knew outlives the hearer. A flood of made-up ones pushes
out those that have not asked for the longest time, and nothing else. Pure: `now` is handed in, in seconds
since the epoch, as servers compare it.

Owns the form between servers and on the disk: JSON, of which an unknown key is skipped and a missing one is
empty. All text is cleaned when it comes in: it is a machine's own word, and is shown on terminals.
"""

from __future__ import annotations

import json
import re
import uuid
from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from .reports import plain

MAX_UNKNOWN_MACHINES = 4096
FORGET_AFTER_S = 86_400.0
MAX_BYTES = 4 << 20
"""Size limit of a file with all of them."""
_CHARACTERS = 64
_MAX_SERVERS = 16
_MAX_TIMES = 1 << 40
_UUID_BYTES = 17
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownMachine:
    """mac: as the site file writes it. firmware: in words. vendor: its vendor class. maker, product, serial:
    of its SMBIOS, where its loader told them. relay: of the relay agent that its request came by. first,
    last: when it asked, seconds since the epoch. times: how often. servers: who heard it. Empty: not said."""

    mac: str
    firmware: str = ""
    vendor: str = ""
    uuid: str = ""
    serial: str = ""
    maker: str = ""
    product: str = ""
    relay: str = ""
    first: float = 0.0
    last: float = 0.0
    times: int = 1
    servers: tuple[str, ...] = ()


_FIELDS = tuple(UnknownMachine.__dataclass_fields__)
_TEXTS = ("firmware", "vendor", "uuid", "serial", "maker", "product", "relay")


def merged(one: UnknownMachine, other: UnknownMachine) -> UnknownMachine:
    """All that is known of a machine: of each text the latest that says something."""
    def latest(name: str) -> str:
        said = ((bool(getattr(each, name)), each.last, str(getattr(each, name))) for each in (one, other))
        return max(said)[2]

    return UnknownMachine(
        mac=one.mac, first=min(one.first, other.first), last=max(one.last, other.last),
        times=max(one.times, other.times),
        servers=tuple(sorted({*one.servers, *other.servers})[:_MAX_SERVERS]),
        **{name: latest(name) for name in _TEXTS},
    )  # fmt: skip


class UnknownMachines:
    """The latest MAX_UNKNOWN_MACHINES of them. server: whose table it is."""

    def __init__(self, server: str) -> None:
        self._server = server
        self._seen: OrderedDict[str, UnknownMachine] = OrderedDict()
        self._changed: dict[str, None] = {}
        self._gone: dict[str, None] = {}
        self.changes = 0
        """How often one came, went or said something new."""

    def __len__(self) -> int:
        return len(self._seen)

    def all(self) -> list[UnknownMachine]:
        """The one that has not asked for the longest time first."""
        return list(self._seen.values())

    def hear(self, one: UnknownMachine) -> None:
        """One has asked here: `last` says when."""
        known = self._seen.get(one.mac)
        one = replace(one, first=one.last, servers=(self._server,))
        self._put(one if known is None else replace(merged(known, one), times=known.times + 1))

    def tell(self, mac: str, **texts: str) -> bool:
        """The loader of one of them has told more. False: none of that MAC has asked."""
        known = self._seen.get(mac)
        if known is None:
            return False
        said = {name: cleaned(text) for name, text in texts.items() if cleaned(text)}
        new = replace(known, **said)  # type: ignore[arg-type]
        if new != known:
            self._put(new)
        return True

    def merge(self, one: UnknownMachine) -> None:
        """Merges what a peer, or this server's disk, knows of a machine."""
        known = self._seen.get(one.mac)
        if known is None and len(self._seen) >= MAX_UNKNOWN_MACHINES and one.last <= self._oldest().last:
            return
        new = one if known is None else merged(known, one)
        if new != known:
            self._put(new)

    def drop(self, macs: Iterable[str]) -> None:
        """Forgets machines that have an entry now."""
        for mac in macs:
            self._forget(mac)

    def take_changed(self, most: int) -> list[UnknownMachine]:
        """Up to so many that are others since they were last taken; those that wait longest first."""
        names = list(self._changed)[:most]
        for mac in names:
            del self._changed[mac]
        return [self._seen[mac] for mac in names]

    def take_gone(self) -> list[str]:
        gone, self._gone = list(self._gone), {}
        return gone

    def listed(self, known: Collection[str], now: float) -> list[UnknownMachine]:
        """Those that are still unknown, the latest first. known: MACs of the site file."""
        return [
            one for one in reversed(self._seen.values())
            if one.mac not in known and now <= one.last + FORGET_AFTER_S
        ]  # fmt: skip

    def _oldest(self) -> UnknownMachine:
        return next(iter(self._seen.values()))

    def _put(self, one: UnknownMachine) -> None:
        self.changes += 1
        known = self._seen.get(one.mac)
        self._seen[one.mac] = one
        if known is None or one.last > known.last:
            self._seen.move_to_end(one.mac)
        self._changed[one.mac] = None
        self._gone.pop(one.mac, None)
        if len(self._seen) > MAX_UNKNOWN_MACHINES:
            self._forget(self._oldest().mac)

    def _forget(self, mac: str) -> None:
        if self._seen.pop(mac, None) is not None:
            self.changes += 1
            self._changed.pop(mac, None)
            self._gone[mac] = None


def heard(
    mac: str, *, firmware: str, vendor: str, identifier: bytes, relay: str, now: float
) -> UnknownMachine:
    """A request. identifier: option 97. relay: empty when it came by none."""
    return UnknownMachine(
        mac=mac, firmware=cleaned(firmware), vendor=cleaned(vendor), uuid=uuid_of(identifier), relay=relay,
        first=now, last=now,
    )  # fmt: skip


def cleaned(text: str) -> str:
    """The beginning of a text that a machine sent, as one line that no terminal obeys."""
    if text.isascii() and text.isprintable() and len(text) <= _CHARACTERS and " " not in text:
        return text  # most of them; a flood is looked at in a fifth of the time
    return " ".join(plain(text[: 4 * _CHARACTERS]).split())[:_CHARACTERS]


def uuid_of(identifier: bytes) -> str:
    """Option 97: a type of 0 and 16 octets (RFC 4578 section 2.3, which names no order). Most ROMs send them
    as SMBIOS has them, the first three fields with their low byte first; of others this is turned. Empty for
    what is none."""
    if len(identifier) != _UUID_BYTES or identifier[0] or identifier[1:] in (bytes(16), b"\xff" * 16):
        return ""
    return str(uuid.UUID(bytes_le=identifier[1:]))


def both_orders(text: str) -> tuple[str, ...]:
    """A UUID as it is written, and as a ROM says it that does not turn the first three fields round."""
    if not text:
        return ()
    found = uuid.UUID(text)
    return str(found), str(uuid.UUID(bytes=found.bytes_le))


def encode(one: UnknownMachine) -> bytes:
    """Bytes of a machine, without what is empty."""
    values = {name: value for name in _FIELDS if (value := getattr(one, name)) not in ("", ())}
    return json.dumps(values, separators=(",", ":"), ensure_ascii=False).encode()


def decode(data: bytes) -> UnknownMachine:
    """ValueError for what encode() has not made."""
    try:
        return _unknown_machine(json.loads(data))
    except RecursionError as exc:
        raise ValueError("no machine") from exc


def encode_all(some: Iterable[UnknownMachine]) -> bytes:
    """A line each."""
    return b"".join(encode(one) + b"\n" for one in some)


def decode_all(data: bytes) -> list[UnknownMachine]:
    """ValueError for what encode_all() has not made."""
    return [decode(line) for line in data.splitlines()]


def _unknown_machine(said: Any) -> UnknownMachine:
    if not isinstance(said, Mapping) or not _MAC.fullmatch(str(said.get("mac"))):
        raise ValueError("no machine")
    texts = {name: cleaned(str(said[name])) for name in _TEXTS if name in said}
    first, last, times = (said.get(name, 0) for name in ("first", "last", "times"))
    servers = said.get("servers", [])
    counted = (first, last, times)
    numbers = all(isinstance(one, int | float) and not isinstance(one, bool) for one in counted)
    if not numbers or not isinstance(servers, list) or not 0 <= first <= last < 1e11:
        raise ValueError("no machine")
    named = tuple(sorted(cleaned(str(one)) for one in servers[:_MAX_SERVERS]))
    return UnknownMachine(mac=str(said["mac"]), first=float(first), last=float(last),
                    times=min(int(times), _MAX_TIMES), servers=named, **texts)  # fmt: skip
