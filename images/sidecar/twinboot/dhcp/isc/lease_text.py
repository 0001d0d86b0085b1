"""The lease file of ISC dhcpd: text <-> declarations, as far as others must know them.

Format: dhcpd.leases(5). dhcpd appends a declaration at every change; the last one of an address counts.
A declaration is kept as its own text, so that nothing of it is lost on the way (client ids, options,
variables). Owns also the form in which a server keeps what it knows, with comments that dhcpd skips:

    # term 7             dhcpd was started here for the 7th time in the cluster
    # epoch 6            the declarations that follow were made in the 6th term
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
_REWRITE_STAMPS = re.compile(rb"^  a?ts[ft]p .*\n", re.MULTILINE)
_STATE = re.compile(rb"^  binding state (\w+);", re.MULTILINE)
_HARDWARE = re.compile(rb"^  hardware ethernet ([0-9a-f:]{11,17});", re.MULTILINE)
_COMMENT = re.compile(rb"# (term|epoch) (\d{1,18})\s*$")
_NEVER = 2**40
_PLAIN, _COMPRESSED = b"\0", b"\1"
_COMPRESS_FROM = 900
_MAX_BYTES = 16_384


@dataclass(frozen=True, slots=True)
class Lease:
    """One declaration. epoch: in which term of a dhcpd it was made; stamp: when, by that server's clock."""

    address: IPv4Address
    text: bytes
    epoch: int = 0

    @property
    def changed_at(self) -> int:
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
    def comparable_text(self) -> bytes:
        """The text without what dhcpd adds when it only writes a lease down again."""
        return _REWRITE_STAMPS.sub(b"", self.text)

    def times(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for name, *parts, unix_s in _TIME.findall(self.text):
            if unix_s:
                found[name.decode()] = int(unix_s)
            elif parts[0]:
                found[name.decode()] = calendar.timegm(tuple(int(part) for part in parts))
            else:
                found[name.decode()] = _NEVER
        return found


def is_newer(old: Lease | None, new: Lease) -> bool:
    """Whether `new` takes the place of `old`, when they come from different files.

    A later term counts, for its dhcpd alone answered then. Within one it is the later by that server's
    own clock. Of two of the same second the one that binds the address stays: that forgets nobody.
    """
    if old is None or old.comparable_text == new.comparable_text:
        return old is None or new.epoch > old.epoch
    return (new.epoch, new.changed_at, new.active, new.ends) > (
        old.epoch,
        old.changed_at,
        old.active,
        old.ends,
    )


class LeaseFileParser:
    """Takes a file in pieces; hands out declarations as they become whole."""

    def __init__(self, epoch: int = 0) -> None:
        self.epoch = epoch
        self.term = 0
        self._partial_line = b""
        self._block: list[bytes] | None = None
        self._address = IPv4Address(0)

    def feed(self, data: bytes) -> Iterator[Lease]:
        lines = (self._partial_line + data).split(b"\n")
        self._partial_line = lines.pop()
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
            if comment.group(1) == b"epoch":
                self.epoch = int(comment.group(2))
            else:
                self.term = max(self.term, int(comment.group(2)))
        elif self._block is None:
            return None
        elif line.rstrip() == b"}":
            text = b"\n".join((*self._block, b"}\n"))
            self._block = None
            return Lease(self._address, text, self.epoch) if len(text) <= _MAX_BYTES else None
        else:
            self._block.append(line)
        return None


def journal_text(leases: Iterable[Lease], term: int) -> bytes:
    """The form in which a server keeps them. May be appended to what is there."""
    parts, epoch = [b"# term %d\n" % term], None
    for lease in leases:
        if lease.epoch != epoch:
            epoch = lease.epoch
            parts.append(b"# epoch %d\n" % epoch)
        parts.append(lease.text)
    return b"".join(parts)


def encode_lease(lease: Lease) -> bytes:
    """For replication: epoch, then the text, made smaller when it is large."""
    head = lease.epoch.to_bytes(8, "big")
    if len(lease.text) < _COMPRESS_FROM:
        return head + _PLAIN + lease.text
    return head + _COMPRESSED + zlib.compress(lease.text, 9)


def decode_lease(key: bytes, value: bytes) -> Lease:
    """ValueError when it is none."""
    body = value[9:]
    if value[8:9] == _COMPRESSED:
        try:
            body = zlib.decompressobj().decompress(body, _MAX_BYTES)
        except zlib.error as exc:
            raise ValueError(str(exc)) from exc
    found = list(LeaseFileParser(int.from_bytes(value[:8], "big")).feed(body))
    if len(found) != 1 or found[0].address.packed != key or found[0].text != body:
        raise ValueError("not the declaration of one lease")
    return found[0]


def active_lease(address: IPv4Address, mac: bytes, *, at: float, lease_s: int, epoch: int) -> Lease:
    """An active lease of a client that asked for this address, as dhcpd itself would write it."""
    def when(seconds: float) -> str:
        moment = time.gmtime(seconds)
        return f"{(moment.tm_wday + 1) % 7} {time.strftime('%Y/%m/%d %H:%M:%S', moment)}"

    text = (
        f"lease {address} {{\n  starts {when(at)};\n  ends {when(at + lease_s)};\n  cltt {when(at)};\n"
        "  binding state active;\n  next binding state free;\n  rewind binding state free;\n"
        f"  hardware ethernet {mac.hex(':')};\n}}\n"
    )
    return Lease(address, text.encode(), epoch)
