"""One HTTP/1 connection as seen on the wire: which request is being answered, and where (RFC 9112).

Of the server's side only the heads of responses are captured, never their bodies. So a head is believed
only where one must begin: right after the one before it has ended. A file that holds the text of a
response is then no danger. A response whose end is not known beforehand (chunked) makes the next head
be taken on trust, and cannot be gone on with itself.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime

from . import seq as sequence
from .lines import Stream

HEAD_LIMIT = 32 << 10
"""Of all requests that wait for their answer, together."""
PIPELINE_LIMIT = 200
"""lftp asks for a hundred files ahead, and more."""
RESPONSES_KEPT = 64
"""Answers that may be on their way at once, to a client that asks ahead."""
INLINE_LIMIT = 1024
_END = b"\r\n\r\n"
_LAST_CHUNK = b"\r\n0\r\n\r\n"
"""A listing comes in one segment with its head, and in chunks (RFC 9112 section 7.1)."""
_HEX = b"0123456789abcdefABCDEF"
_REQUEST = re.compile(rb"^([A-Z]+) (\S+) HTTP/1\.([01])$")
_STATUS = re.compile(rb"^HTTP/1\.[01] (\d{3})(?: |$)")
_LAST_MODIFIED = re.compile(rb"^last-modified:[ \t]*([^\r\n]*)", re.I | re.M)
_CONTENT_RANGE = re.compile(rb"^bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)$")


@dataclass(frozen=True, slots=True)
class Request:
    """raw: the whole head as the client sent it, with its empty line."""

    method: bytes
    target: bytes
    raw: bytes


@dataclass(frozen=True, slots=True)
class Response:
    """What the server was sending: head, then `length` bytes of the file from `offset` on.

    start: position of the head's first byte in all that the server sends on the connection.
    target: what was asked for, as it was written.
    plain: the body is that part of one file, as far as the head tells; only then can it be gone on with.
    """

    start: int
    head: bytes
    target: bytes
    offset: int
    length: int
    size: int
    """Of the whole file, bytes; -1 when the head does not say."""
    status: int
    plain: bool
    keep: bool = True
    """The server leaves the connection open afterwards."""
    inline: bytes = b""
    """The whole body, when it is short and came with the head (error pages)."""

    @property
    def end(self) -> int:
        """Position after its last byte, when its length is known."""
        return self.start + len(self.head) + self.length

    @property
    def modified(self) -> int | None:
        """When the file was changed last, seconds since the epoch, as the head says."""
        found = _LAST_MODIFIED.search(self.head)
        try:
            return int(parsedate_to_datetime(found[1].decode("ascii")).timestamp()) if found else None
        except (ValueError, TypeError):
            return None

    @property
    def repeatable(self) -> bool:
        """Every byte of it can be sent again from what is known here and the file."""
        return self.length >= 0 and (self.plain or self.length == len(self.inline))


@dataclass(slots=True)
class HttpTracker:
    """Follows one connection. server_start: sequence number of the server's first byte.

    next_head: position at which the next response must begin; None: not known.
    """

    client: Stream
    server_start: int
    next_head: int | None = 0
    responses: deque[Response] = field(default_factory=lambda: deque(maxlen=RESPONSES_KEPT))
    """The latest ones. With pipelining the client may lack the end of one when the next has begun."""
    pending: deque[Request] = field(default_factory=deque)
    """Requests whose response has not begun, oldest first."""
    known: bool = True
    rest: bytes = b""
    """The beginning of a request that is not whole yet."""
    _last_head: int = -1
    _body_left: int = 0

    def acknowledged(self, ack: int) -> None:
        """The client has all before this: no peer has to know of responses that are over for it."""
        if self.next_head is not None:
            position = sequence.unwrap(self.server_start, ack, self.next_head)
            while len(self.responses) > 1 and self.responses[1].start <= position <= self.next_head:
                self.responses.popleft()

    def from_client(self, seq: int, data: bytes, size: int) -> None:
        fresh = self.client.feed(seq, data, size)
        self.known = self.known and not self.client.lost
        if not self.known:
            return
        skipped = min(len(fresh), self._body_left)
        self._body_left -= skipped
        self.rest += fresh[skipped:]
        while self.known and _END in self.rest:
            raw, _end, self.rest = self.rest.partition(_END)
            self._request(raw + _END)
        if self.waiting_bytes > HEAD_LIMIT:
            self.known = False
        if not self.known:
            self.give_up()

    @property
    def waiting_bytes(self) -> int:
        """Of the requests whose response has not begun."""
        return len(self.rest) + sum(len(one.raw) for one in self.pending)

    def give_up(self) -> None:
        """Follow it no more; nothing of it is kept."""
        self.known = False
        self.pending.clear()
        self.rest = b""

    def from_server(self, seq: int, data: bytes) -> None:
        """A segment whose payload begins like a response."""
        if not self.known or not self.pending or _STATUS.match(data) is None:
            return
        near = self._last_head if self.next_head is None else self.next_head
        start = sequence.unwrap(self.server_start, seq, max(near, 0))
        if start <= self._last_head or (self.next_head is not None and start != self.next_head):
            return  # sent again, or a body that looks like a head
        head, end, body = data.partition(_END)
        if not end:
            self.known = False  # a head in more than one segment: its end is not captured
            return
        self._response(start, head + end, body)

    def _request(self, raw: bytes) -> None:
        raw = raw.lstrip(b"\r\n")  # empty lines before a request (RFC 9112 section 2.2)
        first, *fields = raw[:-len(_END)].split(b"\r\n")
        found = _REQUEST.match(first)
        if found is None or len(self.pending) >= PIPELINE_LIMIT:
            self.known = False
            return
        headers = _headers(fields)
        if headers is None or b"transfer-encoding" in headers or b"upgrade" in headers:
            self.known = False
            return
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or len(length) > 9:
            self.known = False
            return
        self._body_left = max(0, int(length) - len(self.rest))
        self.rest = self.rest[int(length):]
        self.pending.append(Request(found[1], found[2], raw))

    def _response(self, start: int, head: bytes, body: bytes) -> None:
        first, *fields = head[:-len(_END)].split(b"\r\n")
        found, headers = _STATUS.match(first), _headers(fields)
        if found is None or headers is None:
            self.known = False
            return
        status = int(found[1])
        self._last_head = start
        if 100 <= status < 200:
            self.next_head = start + len(head)
            return
        request = self.pending.popleft()
        response = _read(start, head, status, headers, request)
        if response.length < 0 and _chunked(headers) and body.endswith(_LAST_CHUNK):
            response = replace(response, length=len(body), inline=body[:INLINE_LIMIT],
                               keep=headers.get(b"connection", b"").lower() != b"close")
        if not response.plain and 0 < response.length <= min(len(body), INLINE_LIMIT):
            response = replace(response, inline=body[:response.length])
        self.responses.append(response)
        self.next_head = response.end if response.length >= 0 else None


def _chunked(headers: dict[bytes, bytes]) -> bool:
    return headers.get(b"transfer-encoding", b"").lower() == b"chunked"


def file_of(request: Request) -> bytes | None:
    """The path that a request for a file names; None: it is no such request."""
    try:
        return path_of(request.target) if request.method in (b"GET", b"HEAD") else None
    except ValueError:
        return None


def path_of(target: bytes) -> bytes:
    """The path in a request target (RFC 9112 section 3.2), percent signs decoded, query cut off.

    ValueError for what is none.
    """
    path = target.partition(b"?")[0]
    if path[:7].lower() == b"http://":
        path = b"/" + path[7:].partition(b"/")[2]
    if not path.startswith(b"/"):
        raise ValueError("a request target that is no path")
    first, *rest = path.split(b"%")
    out = [first]
    for part in rest:
        if len(part) < 2 or not all(digit in _HEX for digit in part[:2]):
            raise ValueError("a request target with a broken percent sign")
        out.append(bytes((int(part[:2].decode("ascii"), 16),)) + part[2:])
    found = b"".join(out)
    if b"\0" in found:
        raise ValueError("a request target with a zero byte")
    return found


def _headers(fields: list[bytes]) -> dict[bytes, bytes] | None:
    """Field names in small letters; None when a line is none. Of a name given twice the first counts."""
    found: dict[bytes, bytes] = {}
    for line in fields:
        name, colon, value = line.partition(b":")
        if not colon or not name or name != name.strip():
            return None
        found.setdefault(name.lower(), value.strip())
    return found


def _read(start: int, head: bytes, status: int, headers: dict[bytes, bytes], request: Request) -> Response:
    """What a response's head says of its body (RFC 9112 section 6.3). length -1: it does not say."""
    size, offset = -1, 0
    said = headers.get(b"content-length", b"")
    length = int(said) if said.isdigit() and len(said) < 19 else -1
    whole = status == 200 and length >= 0
    if whole:
        size = length
    part = _CONTENT_RANGE.match(headers.get(b"content-range", b"")) if status == 206 else None
    if part is not None:
        offset = int(part[1])
        whole = int(part[2]) - offset + 1 == length
        size = int(part[3]) if part[3] != b"*" else -1
    coded = headers.get(b"content-encoding", b"identity").lower() != b"identity"
    if b"transfer-encoding" in headers:
        length = -1
    if request.method == b"HEAD" or status in (204, 304):
        length, whole = 0, False
    return Response(
        start=start, head=head, target=request.target, offset=offset, length=length, size=size,
        status=status, plain=whole and request.method == b"GET" and not coded and length >= 0,
        keep=headers.get(b"connection", b"keep-alive").lower() != b"close" and length >= 0,
    )
