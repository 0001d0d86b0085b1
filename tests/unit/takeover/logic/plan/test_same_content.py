"""A download goes on where the file is the same by its SHA-256, or by size and time where none is known."""

from __future__ import annotations

from dataclasses import replace

import pytest
from segments import VIP, PublishedTree
from takeoverrecords import DATA, GET, HTTP, RESPONSE, SESSION, SIZE, TIME, UNTOLD, at, rebuilt, reset
from trackedconnections import FACTS, http, key
from twinboot.takeover.logic.file_facts import CONTENT_BYTES, FileFacts
from twinboot.takeover.logic.plan import TakeoverPlan, plan_takeover
from twinboot.takeover.logic.protocols import tftp_download
from twinboot.takeover.logic.protocols.tftp_download import Download
from twinboot.takeover.logic.record import ConnectionRecord
from twinboot.takeover.logic.record_codec import decode, encode
from twinboot.takeover.logic.tracker import ConnectionTracker

ONE, OTHER = b"1" * CONTENT_BYTES, b"2" * CONTENT_BYTES
BIG = b"/trees/big.bin"


def http_known(content: bytes) -> ConnectionRecord:
    return replace(HTTP, responses=(replace(RESPONSE, content=content),))


def http_untold(content: bytes) -> ConnectionRecord:
    return replace(UNTOLD, requested_files=(FileFacts(SIZE, TIME, content),))


def ftp(_content: bytes) -> ConnectionRecord:
    return DATA


def planned(record: ConnectionRecord, sent: bytes, ours: FileFacts) -> TakeoverPlan:
    """Of a record that has gone over the wire."""
    assert SESSION.transfer is not None
    session = replace(SESSION, transfer=replace(SESSION.transfer, content=sent))
    tree = PublishedTree({BIG: ours})
    return plan_takeover(decode(encode(record)), at(1000, up=record.client_next), tree, session)


@pytest.mark.parametrize("record", [http_known, http_untold, ftp])
@pytest.mark.parametrize(("sent", "ours", "goes_on"), [
    (ONE, FileFacts(SIZE, TIME, ONE), True),
    (ONE, FileFacts(SIZE, TIME - 5, ONE), True),
    (ONE, FileFacts(SIZE, TIME, OTHER), False),
    (ONE, FileFacts(SIZE - 1, TIME, ONE), False),
    (b"", FileFacts(SIZE, TIME, ONE), True),
    (ONE, FileFacts(SIZE, TIME), True),
    (b"", FileFacts(SIZE, TIME - 5, ONE), False),
    (ONE, FileFacts(SIZE, TIME - 5), False),
])  # fmt: skip
def test_by_content_where_both_know_it(record: object, sent: bytes, ours: FileFacts, goes_on: bool) -> None:
    found = planned(record(sent), sent, ours)  # type: ignore[operator]
    if goes_on:
        rebuilt(found)
    else:
        assert "differs here" in reset(found)


def test_a_head_without_a_time_says_enough_where_the_content_is_known() -> None:
    bare = replace(RESPONSE, head=b"HTTP/1.1 200 OK\r\n\r\n", content=ONE)
    rebuilt(planned(replace(HTTP, responses=(bare,)), ONE, FileFacts(SIZE, TIME, ONE)))
    assert "which state" in reset(planned(replace(HTTP, responses=(bare,)), ONE, FileFacts(SIZE, TIME)))


@pytest.mark.parametrize("condition", [
    b"If-Modified-Since: Sun, 22 Nov 2026 20:00:00 GMT", b'If-None-Match: "6a2b-5"', b'If-Range: "6a2b-5"',
])  # fmt: skip
def test_an_answer_that_depends_on_the_time_is_not_given_again_with_another(condition: bytes) -> None:
    """The client has a part of it, of which no head is known: whole there, it may be 304 here."""
    asked = GET.replace(b"\r\n\r\n", b"\r\n" + condition + b"\r\n\r\n")
    untold = replace(http_untold(ONE), unanswered=asked)
    assert "depends on the time" in reset(planned(untold, ONE, FileFacts(SIZE, TIME - 5, ONE)))
    rebuilt(planned(untold, ONE, FileFacts(SIZE, TIME, ONE)))


def test_a_head_that_no_peer_knew_must_be_as_long_here() -> None:
    """nginx writes the file's time into its ETag, in hexadecimal."""
    assert "another length" in reset(planned(http_untold(ONE), ONE, FileFacts(SIZE, 1000, ONE)))


@pytest.mark.parametrize(("modified", "content"), [(0, ONE), (1, b"")])
def test_the_content_is_told_of_the_state_that_the_head_tells_of(modified: int, content: bytes) -> None:
    """A file that was changed between the request and its answer is another one."""
    ((path, facts),) = FACTS.items()
    asked = FileFacts(facts.size, facts.modified + modified, ONE)
    one = ConnectionTracker({path: asked}.get)
    one.addresses = {VIP}
    record = one.record(key(http(one)))
    assert record is not None
    assert [known.content for known in decode(encode(record)).responses] == [content]


def test_of_tftp_likewise() -> None:
    told = tftp_download.decode(tftp_download.encode(Download(b"/kernel", 700, 5, content=ONE)))
    assert told.facts == FileFacts(700, 5, ONE)
    assert tftp_download.decode(tftp_download.encode(Download(b"/kernel", 700, 5))).content == b""
