"""A record that is long is deflated, so that the peers know it whole."""

from __future__ import annotations

import random
import zlib
from dataclasses import replace
from ipaddress import IPv4Address

import pytest
from twinboot.takeover.logic.file_facts import CONTENT_BYTES, FileFacts
from twinboot.takeover.logic.protocols.http import RESPONSES_KEPT
from twinboot.takeover.logic.protocols.http_heads import Response
from twinboot.takeover.logic.record import ConnectionKey, ConnectionKind, ConnectionRecord, SynOptions
from twinboot.takeover.logic.record_codec import MAX_BYTES, UNCOMPRESSED_LIMIT, decode, encode

KEY = ConnectionKey(IPv4Address("192.168.0.128"), 40000, IPv4Address("192.168.0.253"), 80)
GET = (b"GET /trees/rh9/debs/./many-%03d_1_all.deb HTTP/1.1\r\nHost: 192.168.0.253\r\n"
       b"User-Agent: Debian APT-HTTP/1.3 (3.0.3)\r\n\r\n")
HEAD = (b"HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: Mon, 23 Nov 2026 04:31:00 GMT\r\n"
        b"Content-Type: application/octet-stream\r\nContent-Length: %d\r\n"
        b"Last-Modified: Sun, 22 Nov 2026 20:00:00 GMT\r\nConnection: keep-alive\r\n"
        b'ETag: "6921-%x"\r\nAccept-Ranges: bytes\r\n\r\n')


def pipeline(asked: int) -> ConnectionRecord:
    """apt asks for ten files before the first has come; the heads of several may be on their way."""
    responses, start = [], 0
    for number in range(RESPONSES_KEPT):
        size = 70000 + number
        target = b"/trees/rh9/debs/./many-%03d_1_all.deb" % number
        one = Response(start, HEAD % (size, size), target, 0, size, size,
                       200, is_file_range=True)
        responses.append(one)
        start = one.end
    wanted = tuple(FileFacts(80000 + number, 1795377600) for number in range(asked))
    return ConnectionRecord(
        KEY,
        ConnectionKind.HTTP,
        1,
        2,
        3,
        SynOptions(),
        SynOptions(),
        responses=tuple(responses),
        unanswered=b"".join(GET % number for number in range(asked)),
        requested_files=wanted,
    )


def test_a_whole_pipeline_comes_back_as_it_was() -> None:
    found = pipeline(10)
    assert len(found.unanswered) > UNCOMPRESSED_LIMIT
    packed = encode(found)
    assert len(packed) <= MAX_BYTES
    assert decode(packed) == found


def test_parts_and_a_kept_request_come_back_as_they_were() -> None:
    plain = pipeline(0).responses[0]
    several = replace(plain, status=206, is_file_range=False, parts=((0, 10), (1 << 40, 5)),
                      part_type=b"text/plain")
    listing = replace(plain, length=-1, is_file_range=False, request=GET % 1, listed=FileFacts(-2, 4711))
    found = replace(pipeline(0), responses=(several, plain, listing))
    assert decode(encode(found)) == found


def test_what_is_cut_or_has_something_after_it_is_refused() -> None:
    packed = encode(pipeline(10))
    for wrong in (packed[:-1], packed + b"x", packed[:13], packed[:14] + b"x" + packed[15:]):
        with pytest.raises(ValueError):  # noqa: PT011 -- zlib's messages differ
            decode(wrong)


def test_a_record_that_inflates_without_bound_is_refused() -> None:
    packed = encode(pipeline(10))
    with pytest.raises(ValueError, match="does not end"):
        decode(packed[:13] + zlib.compress(bytes(10 << 20)))


def test_hundreds_of_questions_ahead_are_told_whole() -> None:
    """lftp asks for the sizes of all files of a directory before it reads the first answer."""
    noise = random.Random(8)
    ask = (b"HEAD /trees/rh9/small/%03d.bin HTTP/1.1\r\nHost: 192.168.0.253\r\nUser-Agent: lftp/4.9.2\r\n"
           b"Accept: */*\r\nConnection: keep-alive\r\n\r\n")
    asked = b"".join(ask % number for number in range(400))
    wanted = tuple(FileFacts(noise.randrange(200000), 1795377600 + noise.randrange(9999)) for _ in range(400))
    found = replace(pipeline(0), unanswered=asked, requested_files=wanted)
    assert decode(encode(found)) == found


def contents(found: ConnectionRecord, noise: random.Random) -> ConnectionRecord:
    """With a SHA-256 of each file but the first of those that are asked for."""
    first, *others = (one._replace(content=noise.randbytes(CONTENT_BYTES)) for one in found.requested_files)
    answers = tuple(replace(one, content=noise.randbytes(CONTENT_BYTES)) for one in found.responses)
    return replace(found, responses=answers, requested_files=(first._replace(content=b""), *others))


def test_the_files_contents_come_back_with_them() -> None:
    found = contents(pipeline(10), random.Random(8))
    assert decode(encode(found)) == found


def test_a_record_that_is_too_long_is_told_without_contents_before_anything_else() -> None:
    noise = random.Random(8)
    found = replace(pipeline(400), unanswered=noise.randbytes(8000))
    assert decode(encode(contents(found, noise))) == found
