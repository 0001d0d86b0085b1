"""The grammar of dhcpd's lease file below a declaration: statements, times, strings and octets.

Owns how they are written (server/conflex.c and quotify_buf() of dhcpd); which statement means what is
lease_text.py's.
"""

from __future__ import annotations

import calendar
import re
import time
from collections.abc import Iterator
from functools import lru_cache

from ..lease import NEVER

_GAP = re.compile(rb"(?:\s++|#[^\n]*+(?:\n|$))*+")
_STRING = rb'"(?:[^"\\]++|\\.)*+"'
_SIMPLE = re.compile(rb'\s*+((?:[^"#{};]++|' + _STRING + rb")++);", re.DOTALL)
"""The usual statement: no braces, no comment."""
_TOKEN = re.compile(_STRING + rb'|#[^\n]*|[{};"]|[^"#{};]+', re.DOTALL)
_TIME = re.compile(rb"(?:\d (\d{4})/(\d\d?)/(\d\d?) (\d\d?):(\d\d?):(\d\d?)|epoch (\d{1,12})|(never))")
_LAST_SECOND = 253_402_300_799
"""The last second of the year 9999: years have four digits."""
_HEX = re.compile(rb"[0-9a-fA-F]{1,2}(?::[0-9a-fA-F]{1,2})*")
_QUOTED = re.compile(_STRING, re.DOTALL)
_ESCAPE = re.compile(rb"\\([0-3][0-7]{0,2}|x[0-9a-fA-F]{1,2}|.)", re.DOTALL)
_CONTROLS = {b"t": b"\t", b"r": b"\r", b"n": b"\n", b"b": b"\b"}
_UNPRINTABLE = re.compile(rb'[^ !#-\[\]-~]')


def statements(body: bytes) -> Iterator[bytes]:
    """Each statement of a declaration, without its semicolon; one with braces up to the last of them.

    ValueError when a string or a brace has no end.
    """
    at = 0
    while at < len(body):
        while (simple := _SIMPLE.match(body, at)) is not None:
            yield simple[1].rstrip()
            at = simple.end()
        at = _GAP.match(body, at).end()  # type: ignore[union-attr]
        if at == len(body):
            return
        if _SIMPLE.match(body, at):  # it stood behind a comment
            continue
        depth, start = 0, at
        for token in _TOKEN.finditer(body, at):
            at = token.end()
            word = token.group()
            if word == b'"':
                raise ValueError("a string without its end")
            depth += (word == b"{") - (word == b"}")
            if depth < 0:
                raise ValueError("a brace too many")
            if depth == 0 and word in (b"}", b";"):
                break
        else:
            raise ValueError("a statement without its end")
        if statement := body[start:at].removesuffix(b";").rstrip():
            yield statement


@lru_cache(maxsize=4096)
def seconds_of(value: bytes) -> int | None:
    """Seconds since 1970, NEVER for `never`; None for what is no time."""
    found = _TIME.fullmatch(value)
    if found is None:
        return None
    *parts, unix_s, never = found.groups()
    if never:
        return NEVER
    try:
        seconds = int(unix_s) if unix_s else calendar.timegm((*(int(part) for part in parts), 0, 0, 0))
    except (ValueError, OverflowError):
        return None
    return seconds if 0 <= seconds <= _LAST_SECOND else None


@lru_cache(maxsize=4096)
def time_text(seconds: int) -> bytes:
    """`4 2026/11/26 10:00:00`: day of the week, then UTC."""
    if seconds > _LAST_SECOND:
        return b"never"
    days, of_day = divmod(seconds, 86_400)
    return b"%s %02d:%02d:%02d" % (_day_text(days), of_day // 3600, of_day // 60 % 60, of_day % 60)


@lru_cache(maxsize=64)
def _day_text(days: int) -> bytes:
    moment = time.gmtime(days * 86_400)
    return f"{(moment.tm_wday + 1) % 7} {time.strftime('%Y/%m/%d', moment)}".encode()


def data_of(value: bytes) -> bytes | None:
    """A string, or octets in hex; None for anything else."""
    if _QUOTED.fullmatch(value):
        return _ESCAPE.sub(_unescaped, value[1:-1])
    return octets_of(value) if _HEX.fullmatch(value) else None


def _unescaped(found: re.Match[bytes]) -> bytes:
    text = found.group(1)
    if text[:1] == b"x" and len(text) > 1:
        return bytes((int(text[1:], 16),))
    if text[:1] in (b"0", b"1", b"2", b"3"):
        return bytes((int(text, 8),))
    return _CONTROLS.get(text, text)


def octets_of(value: bytes) -> bytes:
    """`1:a:ff`; ValueError for anything else."""
    return bytes(int(octet, 16) for octet in value.split(b":"))


def quoted(data: bytes) -> bytes:
    """A string as dhcpd writes it."""
    return b'"' + _UNPRINTABLE.sub(_escaped, data) + b'"'


def _escaped(found: re.Match[bytes]) -> bytes:
    octet = found.group()
    return b"\\" + octet if octet in b'"\\' else b"\\%03o" % octet[0]
