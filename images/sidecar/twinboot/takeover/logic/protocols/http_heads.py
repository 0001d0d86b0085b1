"""Heads of HTTP/1 messages, as they are on the wire: requests and responses (RFC 9112). Pure parsing.

Requests are cut apart as nginx does it: a line ends with CR LF or with LF alone (RFC 9112 section 2.2), and a
field that is malformed is the server's to judge, not ours. What cannot be cut apart (a version that is not
HTTP/1, a body in chunks, a length that is none) is kept whole as one last request, up to the end of what the
client says: a server closes after its answer to it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from ..file_facts import FileFacts

HEAD_END = b"\r\n\r\n"
"""End of a head that a server sends."""
_REQUEST_END = re.compile(rb"\n\r?\n")
_REQUEST_LINE = re.compile(rb"^([A-Z_-]+) +(\S+) +HTTP/1\.\d{1,2} *$")
_LENGTH_DIGITS = 9
STATUS_LINE = re.compile(rb"^HTTP/1\.[01] (\d{3})(?: |$)")
_ABSOLUTE_FORM = re.compile(rb"^[a-z][a-z0-9+.-]*://[^/]*", re.I)
_HEX = b"0123456789abcdefABCDEF"
_LAST_MODIFIED = re.compile(rb"^last-modified:[ \t]*([^\r\n]*)", re.I | re.M)
_NOTHING = FileFacts(0, 0)
CONTENT_RANGE = re.compile(rb"^bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)$")


@dataclass(frozen=True, slots=True)
class Request:
    """A request. raw: all of it as the client sent it, its empty line and its body too.

    method empty: it could not be told where it ends.
    """

    method: bytes
    target: bytes
    raw: bytes

    @property
    def is_framed(self) -> bool:
        return bool(self.method)

    def field(self, name: bytes) -> bytes:
        """The value of a field by its lower-case name, the first one's; empty when there is none."""
        end = _REQUEST_END.search(self.raw)
        lines = self.raw[:end.start() if end is not None else None].split(b"\n")[1:]
        return next((value.strip() for key, _colon, value in (line.partition(b":") for line in lines)
                     if key.lower() == name), b"")


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
    parts: tuple[tuple[int, int], ...] = ()
    """The ranges of an answer with several: offset and length of each, in their order."""
    part_type: bytes = b""
    """The Content-Type of each of these parts."""
    request: bytes = b""
    """The whole request, of an answer that the service makes anew for each request (a listing)."""
    listed: FileFacts = _NOTHING
    """What such an answer was made from: the facts of the directory."""
    content: bytes = b""
    """Content of the file, as in FileFacts."""

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
    def facts(self) -> FileFacts:
        """Facts of the file, as the head tells them; -1 for what it does not tell."""
        return FileFacts(self.size, -1 if self.modified is None else self.modified, self.content)

    @property
    def repeatable(self) -> bool:
        """Whether every byte can be sent again from this record and the file."""
        return self.length >= 0 and (
            self.is_file_range or bool(self.parts) or self.length == len(self.inline))


def parse_response_head(head: bytes) -> tuple[re.Match[bytes] | None, dict[bytes, bytes] | None]:
    """Status line and fields of a response's head; None for a part that is malformed."""
    first, *fields = head[:-len(HEAD_END)].split(b"\r\n")
    return STATUS_LINE.match(first), parse_fields(fields)


def is_same_server(one: bytes, other: bytes) -> bool:
    """Whether two heads name the same program (RFC 9110 section 10.2.4)."""
    first, second = (parse_response_head(head)[1] or {} for head in (one, other))
    return first.get(b"server") == second.get(b"server")


def is_chunked(headers: dict[bytes, bytes]) -> bool:
    return headers.get(b"transfer-encoding", b"").lower() == b"chunked"


def requested_path(request: Request) -> bytes | None:
    """The path of a GET or HEAD request; None for other methods and malformed targets."""
    try:
        return target_path(request.target) if request.method in (b"GET", b"HEAD") else None
    except ValueError:
        return None


def target_path(target: bytes) -> bytes:
    """The path in a request target (RFC 9112 section 3.2) as a server resolves it: percent-decoded, without
    its query, dot segments removed (RFC 3986 section 5.2.4), and repeated slashes made one as nginx does it.

    ValueError when the target has no valid path.
    """
    found = _decoded(_ABSOLUTE_FORM.sub(b"", re.split(rb"[?#]", target, maxsplit=1)[0]) or b"/")
    if not found.startswith(b"/"):
        raise ValueError("a request target that is no path")
    kept: list[bytes] = []
    segments = found.split(b"/")
    for segment in segments:
        if segment == b"..":
            if not kept:
                raise ValueError("a request target that leads out of the tree")
            kept.pop()
        elif segment not in (b"", b"."):
            kept.append(segment)
    is_directory = bool(kept) and segments[-1] in (b"", b".", b"..")
    return b"/" + b"/".join(kept) + (b"/" if is_directory else b"")


def _decoded(path: bytes) -> bytes:
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


def take_request(data: bytes) -> tuple[Request | None, bytes]:
    """The first whole request of what a client has sent, and what comes after it; None: it is not complete.

    Empty lines before it are skipped (RFC 9112 section 2.2).
    """
    data = data.lstrip(b"\r\n")
    end = _REQUEST_END.search(data)
    if end is None:
        return None, data
    head = data[:end.end()]
    line, *_rest = head.split(b"\n")
    found = _REQUEST_LINE.match(line.removesuffix(b"\r"))
    request = Request(found[1], found[2], head) if found is not None else Request(b"", b"", data)
    length = request.field(b"content-length") or b"0"
    if (found is None or request.field(b"transfer-encoding") or not length.isdigit()
            or len(length) > _LENGTH_DIGITS):
        return Request(b"", b"", data), b""
    whole = end.end() + int(length)
    if len(data) < whole:
        return None, data
    return Request(found[1], found[2], data[:whole]), data[whole:]


def split_requests(data: bytes) -> list[Request]:
    """The whole requests in what a client has sent."""
    found: list[Request] = []
    one, rest = take_request(data)
    while one is not None:
        found.append(one)
        one, rest = take_request(rest)
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
    part = CONTENT_RANGE.match(headers.get(b"content-range", b"")) if status == 206 else None
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
