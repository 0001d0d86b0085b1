"""Heads of HTTP/1 messages, as they are on the wire: requests and responses (RFC 9112). Pure parsing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

HEAD_END = b"\r\n\r\n"
STATUS_LINE = re.compile(rb"^HTTP/1\.[01] (\d{3})(?: |$)")
_HEX = b"0123456789abcdefABCDEF"
_LAST_MODIFIED = re.compile(rb"^last-modified:[ \t]*([^\r\n]*)", re.I | re.M)
_CONTENT_RANGE = re.compile(rb"^bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)$")


@dataclass(frozen=True, slots=True)
class Request:
    """A request's head. raw: all of it as the client sent it, with its empty line."""

    method: bytes
    target: bytes
    raw: bytes


@dataclass(frozen=True, slots=True)
class Response:
    """A response: head, then `length` bytes of the file from `offset` on.

    start: position of the head's first byte in all that the server sends on the connection.
    target: the request target as the client wrote it.
    is_file_range: the head says that the body is that part of one file, so it can be continued.
    """

    start: int
    head: bytes
    target: bytes
    offset: int
    length: int
    size: int
    """Bytes of the whole file; -1 when the head does not give it."""
    status: int
    is_file_range: bool
    keep_alive: bool = True
    """The server leaves the connection open afterwards."""
    inline: bytes = b""
    """The whole body, when it is short and came with the head (error pages)."""

    @property
    def end(self) -> int:
        """Position after the last byte, when the length is known."""
        return self.start + len(self.head) + self.length

    @property
    def modified(self) -> int | None:
        """Last-Modified of the file, seconds since the epoch; None: missing or malformed."""
        found = _LAST_MODIFIED.search(self.head)
        try:
            return int(parsedate_to_datetime(found[1].decode("ascii")).timestamp()) if found else None
        except (ValueError, TypeError):
            return None

    @property
    def repeatable(self) -> bool:
        """Whether every byte can be sent again from this record and the file."""
        return self.length >= 0 and (self.is_file_range or self.length == len(self.inline))


def parse_response_head(head: bytes) -> tuple[re.Match[bytes] | None, dict[bytes, bytes] | None]:
    """Status line and fields of a response's head; None for a part that is malformed."""
    first, *fields = head[:-len(HEAD_END)].split(b"\r\n")
    return STATUS_LINE.match(first), parse_fields(fields)


def is_chunked(headers: dict[bytes, bytes]) -> bool:
    return headers.get(b"transfer-encoding", b"").lower() == b"chunked"


def requested_path(request: Request) -> bytes | None:
    """The path of a GET or HEAD request; None for other methods and malformed targets."""
    try:
        return target_path(request.target) if request.method in (b"GET", b"HEAD") else None
    except ValueError:
        return None


def target_path(target: bytes) -> bytes:
    """The path in a request target (RFC 9112 section 3.2), percent-decoded, without its query.

    ValueError when the target has no valid path.
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


def parse_fields(fields: list[bytes]) -> dict[bytes, bytes] | None:
    """Fields by lower-case name; None when a line is malformed. Of a repeated name the first counts."""
    found: dict[bytes, bytes] = {}
    for line in fields:
        name, colon, value = line.partition(b":")
        if not colon or not name or name != name.strip():
            return None
        found.setdefault(name.lower(), value.strip())
    return found


def make_response(start: int, head: bytes, status: int, headers: dict[bytes, bytes],
                request: Request) -> Response:
    """The response with its body's length by its head (RFC 9112 section 6.3); length -1: not given."""
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
        status=status, is_file_range=whole and request.method == b"GET" and not coded and length >= 0,
        keep_alive=headers.get(b"connection", b"keep-alive").lower() != b"close" and length >= 0,
    )
