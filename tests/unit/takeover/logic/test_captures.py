"""The trackers on what real clients and servers said to each other, however it is cut and repeated."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

import pytest
from capturefile import Capture, all_captures
from hypothesis import given, settings
from hypothesis import strategies as st
from segments import PublishedTree
from twinboot.takeover.logic.file_facts import FileFacts
from twinboot.takeover.logic.pieces import FilePart
from twinboot.takeover.logic.plan import ClientPosition, Rebuild, plan_takeover
from twinboot.takeover.logic.protocols.ftp import Session
from twinboot.takeover.logic.protocols.vsftpd_replies import advance_session
from twinboot.takeover.logic.record import ConnectionKey, ConnectionKind, ConnectionRecord
from twinboot.takeover.logic.record_codec import decode, encode
from twinboot.takeover.logic.tcp import seq
from twinboot.takeover.logic.tcp.segment import FIN, SYN, Segment
from twinboot.takeover.logic.tracker import ConnectionTracker

CAPTURES = all_captures()
NAMES = [one.name for one in CAPTURES]


def tracker(capture: Capture) -> ConnectionTracker:
    facts = {capture.path.encode(): FileFacts(capture.size, capture.modified)}
    one = ConnectionTracker(lambda path: facts.get(path if path.startswith(b"/") else b"/" + path))
    one.addresses = {capture.vip}
    return one


def middles(capture: Capture, segments: Sequence[Segment]) -> dict[ConnectionKind, ConnectionRecord]:
    """The records as they stood just before the file's connection ended."""
    one = tracker(capture)
    found: dict[ConnectionKind, ConnectionRecord] = {}
    for segment in segments:
        if segment.flags & FIN and not found and 21 not in (segment.source_port, segment.target_port):
            found = {record.kind: decode(encode(record)) for record in one.records()}
        one.segment(segment)
    return found


def carried_on(capture: Capture, segments: Sequence[Segment]) -> None:
    """A client in the middle of its file gets the rest of it from there."""
    records = middles(capture, segments)
    http = capture.name.endswith("http")
    record = records[ConnectionKind.HTTP if http else ConnectionKind.FTP_DATA]
    control = records.get(ConnectionKind.FTP_CONTROL)
    assert record.understood
    begun = len(record.responses[-1].head) + record.responses[-1].start if http else 0
    answer = ClientPosition(record.client_next, seq.add(record.server_start, begun + 1000), 1000)
    facts, name = (capture.size, capture.modified), capture.path.strip("/").encode()
    session = control.session if control is not None else None
    found = plan_takeover(record, answer, PublishedTree({name: facts, b"/" + name: facts}), session)
    assert isinstance(found, Rebuild), found
    [piece] = found.pieces
    assert isinstance(piece, FilePart)
    assert (piece.offset, piece.length) == (1000, capture.size - 1000)
    if control is not None:
        stays = plan_takeover(
            control, ClientPosition(control.client_next, control.reply_tail_end, 1000), PublishedTree({})
        )
        assert isinstance(stays, Rebuild), stays
        assert session is not None
        assert session.pending[0].startswith(b"RETR")


@pytest.mark.parametrize("capture", CAPTURES, ids=NAMES)
def test_a_real_client_is_understood(capture: Capture) -> None:
    carried_on(capture, capture.segments())


def controls(capture: Capture) -> Iterator[tuple[Session, bytes, Session]]:
    """Of an FTP session each piece of reply: the session before it, what was said, the session after it."""
    one = tracker(capture)
    control = None
    for segment in capture.segments():
        before = one.record(control) if control is not None else None
        one.segment(segment)
        if segment.target_port == 21 and segment.flags & SYN:
            control = ConnectionKey(segment.source, segment.source_port, segment.target, 21)
        after = one.record(control) if control is not None else None
        if segment.source_port == 21 and segment.payload and before is not None and after is not None:
            assert after.session is not None
            yield before.session or Session(), segment.payload, after.session


@pytest.mark.parametrize("capture", [one for one in CAPTURES if one.name.endswith("ftp")],
                         ids=lambda one: one.name)
def test_what_vsftpd_said_is_known_beforehand(capture: Capture) -> None:
    """From the number of bytes heard alone the session is the same as from the bytes."""
    path = "/" + capture.path.strip("/")
    folders = {str(parent).encode() for parent in PurePosixPath(path).parents}
    folders |= {folder + b"/" for folder in folders} | {folder.lstrip(b"/") for folder in folders}
    published = PublishedTree({path.encode(): (capture.size, capture.modified)}, folders)
    learned, opened = 0, b""
    for before, said, after in controls(capture):
        if not before.pending:
            continue  # the greeting
        count = len(opened + said)
        found, rest = advance_session(before, count, published, str(capture.vip), opened)
        if rest:
            assert (before.pending[0], (said + rest)[-9:]) == (b"FEAT", b"211 End\r\n")
            opened += said
            continue
        opened = b""
        passive = before.pending[0][:4].upper() in (b"PASV", b"EPSV")
        assert found == (replace(after, data_port=0) if passive else after), said
        learned += 1
    assert learned >= 4


@settings(deadline=None, max_examples=15)
@given(st.data())
def test_however_its_segments_are_cut_doubled_and_swapped(data: st.DataObject) -> None:
    capture = data.draw(st.sampled_from(CAPTURES))
    pieces: list[Segment] = []
    for one in capture.segments():
        head = one.source_port == 80  # the beginning of an answer comes in one piece, or is not followed
        if len(one.payload) < 2 or head or one.flags & (SYN | FIN):
            pieces.append(one)
            continue
        at = data.draw(st.integers(1, len(one.payload) - 1))
        first = replace(one, payload=one.payload[:at], payload_bytes=at)
        rest = replace(one, seq=seq.add(one.seq, at), payload=one.payload[at:],
                       payload_bytes=one.payload_bytes - at)
        orders = ((first, rest), (first, first, rest), (rest, first), (first, rest, one))
        pieces += data.draw(st.sampled_from(orders))
    carried_on(capture, pieces)


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_half_of_it_never_makes_a_taker_fail(data: st.DataObject) -> None:
    """Some segments were not seen at all: whatever is believed then, a plan is made, or a reset."""
    capture = data.draw(st.sampled_from(CAPTURES))
    segments = capture.segments()
    one = tracker(capture)
    for segment in segments[:data.draw(st.integers(1, len(segments)))]:
        if data.draw(st.integers(0, 5)):
            one.segment(segment)
    published = PublishedTree({capture.path.encode(): (capture.size, capture.modified)})
    for record in one.records():
        place = seq.add(record.server_start, data.draw(st.integers(0, 1 << 20)))
        answer = ClientPosition(record.client_next, place, 1000)
        plan_takeover(decode(encode(record)), answer, published, record.session)
