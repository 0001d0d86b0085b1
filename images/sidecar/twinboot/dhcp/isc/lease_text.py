"""The lease file of ISC dhcpd: text <-> declarations, as far as others must know them.

Format: dhcpd.leases(5). dhcpd appends a declaration at every change; the last one of an address counts.
A declaration is kept as its own text, so that nothing of it is lost on the way (client ids, options,
variables). Owns also the form in which a server keeps what it knows, with comments that dhcpd skips:

    # reign 7            dhcpd was started here for the 7th time in the cluster
    # era 6              the declarations that follow were made in the 6th reign
"""

from __future__ import annotations

import calendar
import re
import time
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address

_BEGIN = re.compile(rb"lease ((?:\d{1,3}\.){3}\d{1,3}) \{\s*$")
_TIME = re.compile(
    rb"^  (starts|ends|cltt) "
    rb"(?:\d (\d{4})/(\d\d?)/(\d\d?) (\d\d?):(\d\d?):(\d\d?)|epoch (\d+)|never)", re.MULTILINE)
_ADDED = re.compile(rb"^  a?ts[ft]p .*\n", re.MULTILINE)
_STATE = re.compile(rb"^  binding state (\w+);", re.MULTILINE)
_HARDWARE = re.compile(rb"^  hardware ethernet ([0-9a-f:]{11,17});", re.MULTILINE)
_COMMENT = re.compile(rb"# (reign|era) (\d{1,18})\s*$")
_NEVER = 2**40
_PLAIN, _PACKED = b"\0", b"\1"
_PACK_FROM = 900
_MOST_BYTES = 16_384


@dataclass(frozen=True, slots=True)
class Lease:
    """One declaration. era: in which reign of a dhcpd it was made; stamp: when, by that server's clock."""

    address: IPv4Address
    text: bytes
    era: int = 0

    @property
    def stamp(self) -> int:
        """Seconds since 1970: the later of start and last word of the client."""
        times = self.times()
        return max(times.get("starts", 0), times.get("cltt", 0))

    @property
    def ends(self) -> int:
        return self.times().get("ends", 0)

    @property
    def active(self) -> bool:
        found = _STATE.search(self.text)
        return found is not None and found.group(1) == b"active"

    @property
    def mac(self) -> str:
        found = _HARDWARE.search(self.text)
        return found.group(1).decode() if found else ""

    @property
    def essence(self) -> bytes:
        """The text without what dhcpd adds when it only writes a lease down again."""
        return _ADDED.sub(b"", self.text)

    def times(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for name, *parts, epoch in _TIME.findall(self.text):
            if epoch:
                found[name.decode()] = int(epoch)
            elif parts[0]:
                found[name.decode()] = calendar.timegm(tuple(int(part) for part in parts))
            else:
                found[name.decode()] = _NEVER
        return found


def newer(old: Lease | None, new: Lease) -> bool:
    """Whether `new` takes the place of `old`, when they come from different files.

    A later reign counts, for its dhcpd alone answered then. Within one it is the later by that server's
    own clock. Of two of the same second the one that binds the address stays: that forgets nobody.
    """
    if old is None or old.essence == new.essence:
        return old is None or new.era > old.era
    return (new.era, new.stamp, new.active, new.ends) > (old.era, old.stamp, old.active, old.ends)


class Parser:
    """Takes a file in pieces; hands out declarations as they become whole."""

    def __init__(self, era: int = 0) -> None:
        self.era = era
        self.reign = 0
        self._rest = b""
        self._block: list[bytes] | None = None
        self._address = IPv4Address(0)

    def feed(self, data: bytes) -> Iterator[Lease]:
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        for line in lines:
            lease = self._line(line)
            if lease is not None:
                yield lease

    def _line(self, line: bytes) -> Lease | None:
        # A power cut may have left a declaration without its end: whatever stands at the margin ends it.
        begin, comment = _BEGIN.match(line), _COMMENT.match(line)
        if begin is not None:
            try:
                self._address, self._block = IPv4Address(begin.group(1).decode()), [line]
            except ValueError:
                self._block = None
        elif comment is not None:
            self._block = None
            if comment.group(1) == b"era":
                self.era = int(comment.group(2))
            else:
                self.reign = max(self.reign, int(comment.group(2)))
        elif self._block is None:
            return None
        elif line.rstrip() == b"}":
            text = b"\n".join((*self._block, b"}\n"))
            self._block = None
            return Lease(self._address, text, self.era) if len(text) <= _MOST_BYTES else None
        else:
            self._block.append(line)
        return None


def journal(leases: Iterable[Lease], reign: int) -> bytes:
    """The form in which a server keeps them. May be appended to what is there."""
    parts, era = [b"# reign %d\n" % reign], None
    for lease in leases:
        if lease.era != era:
            era = lease.era
            parts.append(b"# era %d\n" % era)
        parts.append(lease.text)
    return b"".join(parts)


def pack(lease: Lease) -> bytes:
    """For the stream: era, then the text, made smaller when it is large."""
    head = lease.era.to_bytes(8, "big")
    if len(lease.text) < _PACK_FROM:
        return head + _PLAIN + lease.text
    return head + _PACKED + zlib.compress(lease.text, 9)


def unpack(key: bytes, value: bytes) -> Lease:
    """ValueError when it is none."""
    body = value[9:]
    if value[8:9] == _PACKED:
        try:
            body = zlib.decompressobj().decompress(body, _MOST_BYTES)
        except zlib.error as exc:
            raise ValueError(str(exc)) from exc
    found = list(Parser(int.from_bytes(value[:8], "big")).feed(body))
    if len(found) != 1 or found[0].address.packed != key or found[0].text != body:
        raise ValueError("not the declaration of one lease")
    return found[0]


def declare(address: IPv4Address, mac: bytes, *, at: float, lease_s: int, era: int) -> Lease:
    """An active lease of a client that asked for this address, as dhcpd itself would write it."""
    def when(seconds: float) -> str:
        moment = time.gmtime(seconds)
        return f"{(moment.tm_wday + 1) % 7} {time.strftime('%Y/%m/%d %H:%M:%S', moment)}"

    text = (
        f"lease {address} {{\n  starts {when(at)};\n  ends {when(at + lease_s)};\n  cltt {when(at)};\n"
        "  binding state active;\n  next binding state free;\n  rewind binding state free;\n"
        f"  hardware ethernet {mac.hex(':')};\n}}\n"
    )
    return Lease(address, text.encode(), era)
