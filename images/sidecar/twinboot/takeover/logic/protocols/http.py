"""One HTTP/1 connection as seen on the wire: which request is being answered, and where (RFC 9112).

Of the server's side only segments that begin with a head are captured, never bodies. So a head is accepted
only at the position where the response before it ends; a file that contains the text of a response does no
harm. After a response whose length is not known beforehand (chunked) the next head is accepted anywhere,
and that response itself cannot be continued.

What is asked in other words than usual is no reason to give a connection up: only the answer decides. An
`Upgrade` that is not answered with 101 changes nothing (RFC 9110 section 7.8).

To a client that pipelines, the kernel may send a head in the middle of a segment, where it is not captured.
The next captured head shows by its position, size and time which request it answers. Until the client has
acknowledged everything before it, the requests from the missed head on count as unanswered. A head that can
answer several requests (of files of one size) is left out: a wrong guess would send one file twice.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from math import inf
from types import MappingProxyType

from ..file_facts import UNKNOWN_FACTS, FileFacts
from ..tcp import seq as sequence
from ..tcp.reassembly import Reassembler
from .http_heads import (
    HEAD_END,
    STATUS_LINE,
    Request,
    Response,
    is_chunked,
    make_response,
    parse_response_head,
    take_request,
)
from .http_ranges import with_parts

HEAD_LIMIT = 60 << 10
"""Bytes of all pending requests of one connection."""
PIPELINE_LIMIT = 500
"""lftp pipelines three hundred requests."""
RESPONSES_KEPT = 64
"""Responses that may be in transit at once to a client that pipelines."""
INLINE_BODY_LIMIT = 1024
LISTING_REQUEST_LIMIT = 4096
"""Bytes of a request that is kept to have its listing made anew."""
SHORTEST_HEAD, LONGEST_HEAD = 60, 2000
_LAST_CHUNK = b"\r\n0\r\n\r\n"
"""A listing comes in one segment with its head, and in chunks (RFC 9112 section 7.1)."""

RequestedFiles = Mapping[Request, FileFacts]
"""Request -> its file; UNKNOWN_FACTS when it names none. Of a directory: DIRECTORY and a digest of what its
listing is made from."""
NO_REQUESTED_FILES: RequestedFiles = MappingProxyType({})
DIRECTORY = -2
INDEX = b"index.html"
"""What the HTTP service sends for a directory that has such a file."""
_WHATEVER = Request(b"GET", b"", b"")
CONDITIONS = (b"if-modified-since", b"if-none-match", b"if-match", b"if-unmodified-since", b"if-range")
"""Fields by which the answer depends on the file's time (RFC 9110 section 13.1)."""
_PARTIAL = (b"range", *CONDITIONS)
"""Fields by which the answer may be another than the whole file (RFC 9110 sections 13.1 and 14.2)."""


@dataclass(slots=True)
class HttpTracker:
    """Tracks one connection. server_start: sequence number of the server's first byte.

    next_head: position at which the next response must begin; None: not known.
    """

    client_stream: Reassembler
    server_start: int
    next_head: int | None = 0
    responses: deque[Response] = field(default_factory=lambda: deque(maxlen=RESPONSES_KEPT))
    """The latest ones. With pipelining the client may lack the end of one when the next has begun."""
    pending: deque[Request] = field(default_factory=deque)
    """Requests whose response has not begun, oldest first."""
    understood: bool = True
    partial_request: bytes = b""
    """The beginning of a request that is not complete yet."""
    _last_head: int = -1
    _closing: bool = False
    """The server has said that it closes: it reads no further request."""
    _after_gap: deque[tuple[int, Response]] = field(default_factory=deque)
    """Responses after a missed head, each with its request's index in `pending`."""

    def acknowledged(self, ack: int) -> None:
        """The client has everything before `ack`: drop the responses that it has completely."""
        if self.next_head is None:
            return
        seen = self._after_gap[-1][1].end if self._after_gap else self.next_head
        position = sequence.unwrap(self.server_start, ack, seen)
        while self._after_gap and self._after_gap[0][1].start <= position <= seen:
            self._close_gap()
        while len(self.responses) > 1 and self.responses[1].start <= position <= self.next_head:
            self.responses.popleft()

    def _close_gap(self) -> None:
        """The client has everything before the first response after a gap: drop the gap's requests."""
        before, response = self._after_gap.popleft()
        for _ in range(before + 1):
            self.pending.popleft()
        self._after_gap = deque((number - before - 1, one) for number, one in self._after_gap)
        self.responses.clear()
        self.responses.append(response)
        self.next_head = response.end

    def from_client(self, seq: int, data: bytes, size: int) -> None:
        fresh = self.client_stream.feed(seq, data, size)
        self.understood = self.understood and not self.client_stream.lost
        if not self.understood or self._closing:
            return
        self.partial_request += fresh
        while self.partial_request and self._take_request():
            pass
        if len(self.pending) > PIPELINE_LIMIT:
            self.understood = False
        if self.pending_bytes > HEAD_LIMIT:
            self.understood = False
        if not self.understood:
            self.give_up()

    def _take_request(self) -> bool:
        """Move one request, or what cannot be cut apart, to the pending ones; False when none is complete."""
        if self.pending and not self.pending[-1].is_framed:
            request = Request(b"", b"", self.pending.pop().raw + self.partial_request)
            self.partial_request = b""
        else:
            found, self.partial_request = take_request(self.partial_request)
            if found is None:
                return False
            request = found
        self.pending.append(request)
        return len(self.pending) <= PIPELINE_LIMIT

    @property
    def pending_bytes(self) -> int:
        """Bytes of the requests whose response has not begun."""
        return len(self.partial_request) + sum(len(one.raw) for one in self.pending)

    def give_up(self) -> None:
        """Stop tracking: not understood from now on; the pending requests are dropped."""
        self.understood = False
        self.pending.clear()
        self._after_gap.clear()
        self.partial_request = b""

    def from_server(
        self, seq: int, data: bytes, requested_files: RequestedFiles = NO_REQUESTED_FILES
    ) -> None:
        """Process a server segment; only one whose payload begins with a status line matters.

        requested_files: see RequestedFiles.
        """
        near = self._last_head if self.next_head is None else self.next_head
        start = sequence.unwrap(self.server_start, seq, max(near, 0))
        if start == self.next_head and not self.pending and self.partial_request and STATUS_LINE.match(data):
            # The server does not wait for the rest: it refuses what has come so far.
            self.pending.append(Request(b"", b"", self.partial_request))
            self.partial_request = b""
        while self.understood and self.pending and start > self._last_head and STATUS_LINE.match(data):
            head, end, body = data.partition(HEAD_END)
            if not end:
                return  # a head in more than one segment: its end is not captured
            after: int | None
            if start == self.next_head and not self._after_gap:
                self._response(start, head + end, body, requested_files)
                after = self.next_head
            elif self.next_head is None:
                after = self._response_anywhere(start, head + end, body, requested_files)
            else:
                after = self._response_after_gap(start, head + end, requested_files)
            if after is None:
                return  # a body that looks like a head, or the position of the next head is not known
            data, start = data[after - start:], after

    def _response_anywhere(
        self, start: int, head: bytes, body: bytes, requested_files: RequestedFiles
    ) -> int | None:
        """A head after a response whose end is not known: find the request it answers, as several may have
        been answered since. Return where the next one begins."""
        if len(self.pending) > 1:
            answered = self._answered_by(start, head, requested_files, 0, None)
            if answered is None:
                return None
            for _ in range(answered[0]):
                self.pending.popleft()
        self._response(start, head, body, requested_files)
        return self.next_head

    def _response_after_gap(self, start: int, head: bytes, requested_files: RequestedFiles) -> int | None:
        """A head at another position than the next: find the request it answers. Return where it ends."""
        assert self.next_head is not None
        first, expected = 0, self.next_head
        if self._after_gap:
            first, expected = self._after_gap[-1][0] + 1, self._after_gap[-1][1].end
        if start < expected or len(self._after_gap) >= RESPONSES_KEPT:
            return None
        answered = self._answered_by(start, head, requested_files, first, start - expected)
        if answered is None:
            return None
        self._after_gap.append(answered)
        self._last_head = start
        return answered[1].end

    def _answered_by(
        self, start: int, head: bytes, requested_files: RequestedFiles, first: int, gap: int | None
    ) -> tuple[int, Response] | None:
        """The one request, from `first` on, that a head can answer that comes `gap` bytes after the answer to
        the one before (None: not known), by its index in `pending`, and the answer; None when there are
        several, or none."""
        found, headers = parse_response_head(head)
        if not found or headers is None:
            return None
        response = make_response(start, head, int(found[1]), headers, _WHATEVER)
        if response.status != 200 or response.size < 0:
            return None
        candidates: list[int] = []
        least, most = 0, 0.0
        for number, request in enumerate(islice(self.pending, first, None), first):
            facts = requested_files.get(request, UNKNOWN_FACTS)
            if gap is not None and least > gap:
                break
            if (gap is None or gap <= most) and (
                facts[0] < 0 or (facts[0] == response.size and response.modified in (None, facts[1]))
            ):
                candidates.append(number)
            size, longest = _answer_bytes(request, facts)
            least, most = least + size, most + longest
        if len(candidates) != 1 or requested_files.get(self.pending[candidates[0]], UNKNOWN_FACTS)[0] < 0:
            return None
        number = candidates[0]
        response = make_response(start, head, response.status, headers, self.pending[number])
        return number, _of_file(response, requested_files[self.pending[number]])

    def _response(self, start: int, head: bytes, body: bytes, requested_files: RequestedFiles) -> None:
        found, headers = parse_response_head(head)
        if found is None or headers is None or int(found[1]) == 101:  # another protocol from here on
            self.understood = False
            return
        status = int(found[1])
        self._last_head = start
        if 100 <= status < 200:
            self.next_head = start + len(head)
            return
        request = self.pending.popleft()
        response = make_response(start, head, status, headers, request)
        self._closing = headers.get(b"connection", b"").lower() == b"close"
        if self._closing:
            self.pending.clear()
            self.partial_request = b""
        elif not request.is_framed:  # it was more than one request, or its rest is still to come
            self.give_up()
            return
        if response.length < 0 and is_chunked(headers) and body.endswith(_LAST_CHUNK):
            response = replace(response, length=len(body), inline=body[:INLINE_BODY_LIMIT],
                               keep_alive=not self._closing)
        if not response.is_file_range and 0 < response.length <= min(len(body), INLINE_BODY_LIMIT):
            response = replace(response, inline=body[:response.length])
        facts = requested_files.get(request, UNKNOWN_FACTS)
        is_listing = status == 200 and facts[0] == DIRECTORY and len(request.raw) <= LISTING_REQUEST_LIMIT
        if is_listing and not response.repeatable:
            response = replace(response, request=request.raw, listed=facts)
        self.responses.append(_of_file(with_parts(response, request, body), facts))
        self.next_head = response.end if response.length >= 0 else None


def _of_file(response: Response, facts: FileFacts) -> Response:
    """With the content of the file that was asked for, if the head tells of that state of it."""
    same = facts.size == response.size and response.modified in (None, facts.modified)
    return replace(response, content=facts.content) if same and response.length else response


def _answer_bytes(request: Request, facts: FileFacts) -> tuple[int, float]:
    """How many bytes the whole answer to a request has: at least, and at most."""
    if request.method == b"HEAD":
        return SHORTEST_HEAD, LONGEST_HEAD
    if request.method != b"GET" or facts[0] < 0 or any(request.field(one) for one in _PARTIAL):
        return SHORTEST_HEAD, inf
    return SHORTEST_HEAD + facts[0], LONGEST_HEAD + facts[0]
