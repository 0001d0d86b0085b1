"""The lease file of ISC dhcpd: text <-> leases.

Format: dhcpd.leases(5), and write_lease() of dhcpd's server/db.c. dhcpd appends a declaration at every
change; the last one of an address counts. What becomes of each statement:

    starts, ends, cltt, binding state, hardware, uid, client-hostname   a named field of the lease
    tstp, tsfp, atsfp           dropped: times of the failover protocol, which is never configured here, and
                                which dhcpd changes when it only writes a lease down again
    next, rewind binding state  dropped where they are what dhcpd gives such a lease itself, else kept
    all others (set, option agent.*, on expiry, reserved, dynamic-bootp, billing ...), and what cannot be read
                                kept word for word in the extension `isc`
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import IPv4Address
from typing import Any

from ..lease import DhcpLease, LeaseState
from .grammar import data_of, octets_of, quoted, seconds_of, statements, time_text

ENGINE = "isc"
"""Its kind's name."""

_BEGIN = re.compile(rb"lease ((?:\d{1,3}\.){3}\d{1,3}) \{\s*$")
_MAX_BYTES = 16_384
"""dhcpd writes nothing near it."""

_WORD_OF_STATE = {
    LeaseState.FREE: b"free", LeaseState.ACTIVE: b"active", LeaseState.EXPIRED: b"expired",
    LeaseState.RELEASED: b"released", LeaseState.DECLINED: b"abandoned",
}
_STATE_OF_WORD = {word: state for state, word in _WORD_OF_STATE.items()}
_FREED_NEXT = (LeaseState.ACTIVE, LeaseState.EXPIRED, LeaseState.RELEASED)
_HARDWARE = re.compile(rb"(\S+) ([0-9a-fA-F]{1,2}(?::[0-9a-fA-F]{1,2})*)")
_MAX_HARDWARE, _MAX_HARDWARE_TYPE = 32, 255
_HARDWARE_NAMES = {1: b"ethernet", 6: b"token-ring", 8: b"fddi", 32: b"infiniband"}
_HARDWARE_TYPES = {name: number for number, name in _HARDWARE_NAMES.items()}
_HOST_NAME = re.compile(rb"[A-Za-z0-9._-]+")
_FAILOVER_TIMES = (b"tstp", b"tsfp", b"atsfp")
_ORDER = (
    b"starts", b"ends", b"cltt", b"binding", b"next", b"rewind", b"reserved", b"dynamic-bootp", b"billing",
    b"hardware", b"uid", b"set", b"option", b"client-hostname", b"on",
)  # fmt: skip
"""dhcpd's own. It takes any, but for `binding state` before `next` and `rewind`."""
_RANK = {word: rank for rank, word in enumerate(_ORDER)}


# Text -> leases -----------------------------------------------------------------------------------


class LeaseFileParser:
    """Takes a file in pieces; hands out declarations as they become whole."""

    def __init__(self) -> None:
        self._partial_line = b""
        self._block: list[bytes] | None = None
        """Lines of the declaration that has begun."""
        self._address = IPv4Address(0)

    def feed(self, data: bytes) -> Iterator[DhcpLease]:
        lines = (self._partial_line + data).split(b"\n")
        self._partial_line = lines.pop()
        for line in lines:
            lease = self._line(line)
            if lease is not None:
                yield lease

    def _line(self, line: bytes) -> DhcpLease | None:
        # A power cut may have left a declaration without its end: whatever stands at the margin ends it.
        if not line or line[:1].isspace():
            if self._block is not None:
                self._block.append(line)
            return None
        block, self._block = self._block, None
        begin = _BEGIN.match(line)
        if begin is not None:
            try:
                self._address, self._block = IPv4Address(begin.group(1).decode()), []
            except ValueError:
                self._block = None
        elif block is not None and line.rstrip() == b"}":
            body = b"\n".join(block)
            return _lease(self._address, body) if len(body) <= _MAX_BYTES else None
        return None


def _lease(address: IPv4Address, body: bytes) -> DhcpLease | None:
    """None for a declaration that dhcpd itself could not read."""
    fields: dict[str, Any] = {}
    after: dict[bytes, bytes] = {}
    rest: list[bytes] = []
    try:
        for statement in statements(body):
            word, _, value = statement.partition(b" ")
            if word in _FAILOVER_TIMES:
                continue
            if word in (b"next", b"rewind") and value.startswith(b"binding state "):
                after[word] = value.removeprefix(b"binding state ").strip()
            elif not _take(fields, word, value.strip()):
                rest.append(statement)
    except ValueError:
        return None
    state = fields.setdefault("state", LeaseState.FREE)
    rest += _unusual(state, fields.pop("word", _WORD_OF_STATE[state]), after)
    extensions = ((ENGINE, b"".join(_ended(one) for one in _sorted(rest))),) if rest else ()
    return DhcpLease(address=address, extensions=extensions, **fields)


def _take(fields: dict[str, Any], word: bytes, value: bytes) -> bool:
    """A statement into its named field; False when it has none, or cannot be read."""
    if word in (b"starts", b"ends", b"cltt"):
        seconds = seconds_of(value)
        if seconds is not None:
            fields["last_transaction" if word == b"cltt" else word.decode()] = seconds
        return seconds is not None
    if word == b"binding":
        name = value.removeprefix(b"state ").strip()
        fields["state"], fields["word"] = _STATE_OF_WORD.get(name, LeaseState.FREE), name
        return name in _STATE_OF_WORD
    if word == b"hardware":
        found = _HARDWARE.fullmatch(value)
        kind = _hardware_type(found.group(1)) if found is not None else None
        octets = octets_of(found.group(2)) if found is not None else b""
        if kind is None or len(octets) > _MAX_HARDWARE:
            return False
        fields["hardware_type"], fields["hardware"] = kind, octets
        return True
    if word == b"uid":
        data = data_of(value)
        fields["client_id"] = data or b""
        return bool(data)
    if word == b"client-hostname":
        return _take_hostname(fields, value)
    return False


def _take_hostname(fields: dict[str, Any], value: bytes) -> bool:
    quoted = data_of(value) if value.startswith(b'"') else None
    name = quoted or (value if _HOST_NAME.fullmatch(value) else b"")
    try:
        fields["hostname"] = name.decode()
    except UnicodeDecodeError:
        return False
    return bool(name)


def _unusual(state: LeaseState, word: bytes, after: dict[bytes, bytes]) -> Iterator[bytes]:
    """What follows the lease, where the state does not say it. dhcpd takes `word` itself for what is not
    stated."""
    for key, usual in ((b"next", _next(state)), (b"rewind", _rewind(state))):
        if word not in _STATE_OF_WORD or after.get(key, word) != usual:
            yield key + b" binding state " + after.get(key, word)


def _next(state: LeaseState) -> bytes:
    """What dhcpd makes of the address when its time is over."""
    return b"free" if state in _FREED_NEXT else _WORD_OF_STATE[state]


def _rewind(state: LeaseState) -> bytes:
    return b"free" if state is LeaseState.ACTIVE else _WORD_OF_STATE[state]


def _hardware_type(name: bytes) -> int | None:
    number = name.removeprefix(b"unknown-")
    if number != name and number.isdigit() and int(number) <= _MAX_HARDWARE_TYPE:
        return int(number)
    return _HARDWARE_TYPES.get(name)


# Leases -> text -----------------------------------------------------------------------------------


def declaration(lease: DhcpLease) -> bytes:
    """The lease as dhcpd reads it."""
    lines, own = _named_statements(lease), _own_statements(lease)
    if own:
        kept = {_word(one) for one in own}
        lines = _sorted([*(one for one in lines if _word(one) not in kept), *own])
    return b"lease %s {\n%s}\n" % (str(lease.address).encode(), b"".join([b"  " + _ended(x) for x in lines]))


def _own_statements(lease: DhcpLease) -> list[bytes]:
    """Those of its extension; none when that cannot be read."""
    text = lease.extension(ENGINE)
    try:
        return list(statements(text)) if text else []
    except ValueError:
        return []


def _named_statements(lease: DhcpLease) -> list[bytes]:
    """In dhcpd's order."""
    word = _WORD_OF_STATE[lease.state]
    out = [
        name + b" " + time_text(seconds)
        for name, seconds in (
            (b"starts", lease.starts), (b"ends", lease.ends), (b"cltt", lease.last_transaction),
        ) if seconds is not None
    ]  # fmt: skip
    out.append(b"binding state " + word)
    for key, after in ((b"next", _next(lease.state)), (b"rewind", _rewind(lease.state))):
        if after != word:
            out.append(key + b" binding state " + after)
    if lease.hardware and lease.hardware_type <= _MAX_HARDWARE_TYPE:
        name = _HARDWARE_NAMES.get(lease.hardware_type, b"unknown-%d" % lease.hardware_type)
        out.append(b"hardware %s %s" % (name, lease.hardware.hex(":").encode()))
    if lease.client_id:
        out.append(b"uid " + quoted(lease.client_id))
    if lease.hostname:
        out.append(b"client-hostname " + quoted(lease.hostname.encode()))
    return out


def _sorted(found: list[bytes]) -> list[bytes]:
    """In dhcpd's order. It turns that of its variables round when it writes a lease down again, which is no
    change: equal words go by their text."""
    return sorted(found, key=_rank)


def _rank(statement: bytes) -> tuple[int, bytes]:
    rank = _RANK.get(_word(statement))
    return (len(_RANK), b"") if rank is None else (rank, statement)


def _word(statement: bytes) -> bytes:
    return statement.partition(b" ")[0]


def _ended(statement: bytes) -> bytes:
    return statement + (b"\n" if statement.endswith(b"}") else b";\n")
