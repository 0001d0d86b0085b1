"""What a TFTP request asks for, and what the server's OACK grants (RFC 1350, 2347, 2348, 2349). Pure.

Block size and numbers follow from what was granted: a wrong guess makes a short block in the middle of a
file, which the client takes for the last one. So an option that is not known here, or a value that does not
fit the request, is a Refusal: that download is not followed.

blksize2, utimeout and rollover are tftpd-hpa's (in.tftpd(8)); with `windowsize` (RFC 7440) above 1 the
server sends several blocks for one acknowledgement, which is not done here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

DEFAULT_BLOCK_BYTES = 512
BLOCK_MIN, BLOCK_MAX = 8, 65464
"""RFC 2348."""
_MAX_DIGITS = 20
_MAX_PATH = 512
_NO_MODE = b""


@dataclass(frozen=True, slots=True)
class Request:
    """An RRQ. options: names in lower case. twice: an option is named twice, so what it asks is not known."""

    path: bytes
    mode: bytes
    options: Mapping[bytes, bytes] = field(default_factory=dict)
    twice: bool = False


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for a download. rollover: the number after block 65535; None: not agreed on, so the server's
    own. retransmit_s: after which the server repeats a block; 0: not agreed on."""

    block_bytes: int = DEFAULT_BLOCK_BYTES
    rollover: int | None = None
    retransmit_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a download is not followed."""

    reason: str


def parse_request(payload: bytes) -> Request | None:
    """The request in an RRQ; None when it has no path or no mode. Like tftpd-hpa this reads up to the first
    empty name; an option without a value is none."""
    *fields, rest = payload[2:].split(b"\0")
    if len(fields) < 2 or not 0 < len(fields[0]) <= _MAX_PATH:
        return None
    options: dict[bytes, bytes] = {}
    twice = bool(rest.strip(b"\0"))  # not ended by a NUL: tftpd-hpa refuses it, another may not
    for name, value in zip(fields[2::2], fields[3::2], strict=False):
        if not name:
            break
        twice = twice or name.lower() in options
        options[name.lower()] = value
    return Request(fields[0], fields[1].lower(), options, twice)


def granted(asked: Request, payload: bytes, size: int) -> Terms | Refusal:
    """The terms in an OACK of the server. size: of the file here, bytes."""
    *fields, rest = payload[2:].split(b"\0")
    names = [name.lower() for name in fields[::2]]
    if rest or len(fields) % 2 or not names or not all(fields):
        return Refusal("malformed")
    if asked.twice or len(set(names)) < len(names) or {b"blksize", b"blksize2"} <= set(names):
        return Refusal("ambiguous")
    terms = Terms()
    for name, text in zip(names, fields[1::2], strict=True):
        apply = _KNOWN.get(name)
        if apply is None:
            return Refusal("unknown-option")
        value, wanted = _number(text), _number(asked.options.get(name, _NO_MODE))
        if wanted is None:
            return Refusal("not-asked")
        changed = apply(terms, value, wanted, size) if value is not None else None
        if changed is None:
            return Refusal(name.decode())
        terms = changed
    return terms


def _number(text: bytes) -> int | None:
    return int(text) if text.isdigit() and len(text) <= _MAX_DIGITS else None


def _block_size(terms: Terms, value: int, wanted: int, _size: int) -> Terms | None:
    fits = BLOCK_MIN <= value <= min(wanted, BLOCK_MAX)
    return replace(terms, block_bytes=value) if fits else None


def _file_size(terms: Terms, value: int, wanted: int, size: int) -> Terms | None:
    """The server's size for 0, otherwise (tftpd-hpa) what was asked."""
    return terms if value == size or value == wanted != 0 else None


def _timeout(terms: Terms, value: int, wanted: int, _size: int) -> Terms | None:
    return replace(terms, retransmit_s=float(value)) if value == wanted and 1 <= value <= 255 else None


def _timeout_us(terms: Terms, value: int, wanted: int, _size: int) -> Terms | None:
    fits = value == wanted and 10_000 <= value <= 255_000_000
    return replace(terms, retransmit_s=value / 1e6) if fits else None


def _rollover(terms: Terms, value: int, wanted: int, _size: int) -> Terms | None:
    return replace(terms, rollover=value) if value == wanted and value in (0, 1) else None


def _window(terms: Terms, value: int, _wanted: int, _size: int) -> Terms | None:
    return terms if value == 1 else None  # lockstep


_KNOWN: dict[bytes, Callable[[Terms, int, int, int], Terms | None]] = {
    b"blksize": _block_size, b"blksize2": _block_size, b"tsize": _file_size, b"timeout": _timeout,
    b"utimeout": _timeout_us, b"rollover": _rollover, b"windowsize": _window,
}
