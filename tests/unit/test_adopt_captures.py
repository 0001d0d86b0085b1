"""The trackers on what real clients and servers said to each other, however it is cut and repeated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from capturefile import Capture, every
from hypothesis import given, settings
from hypothesis import strategies as st
from twinboot.adopt import seq
from twinboot.adopt.plan import Adopt, Answer, FilePart, plan
from twinboot.adopt.record import Kind, Record, decode, encode
from twinboot.adopt.segment import FIN, SYN, Segment
from twinboot.adopt.tracker import Tracker

CAPTURES = every()
NAMES = [one.name for one in CAPTURES]


def tracker(capture: Capture) -> Tracker:
    facts = {capture.path.encode(): (capture.size, capture.modified)}
    one = Tracker(lambda path: facts.get(path if path.startswith(b"/") else b"/" + path))
    one.addresses = {capture.vip}
    return one


def middles(capture: Capture, segments: Sequence[Segment]) -> dict[Kind, Record]:
    """The records as they stood just before the file's connection ended."""
    one = tracker(capture)
    found: dict[Kind, Record] = {}
    for segment in segments:
        if segment.flags & FIN and not found and 21 not in (segment.source_port, segment.target_port):
            found = {record.kind: decode(encode(record)) for record in one.records()}
        one.segment(segment)
    return found


def carried_on(capture: Capture, segments: Sequence[Segment]) -> None:
    """A client in the middle of its file gets the rest of it from there."""
    records = middles(capture, segments)
    http = capture.name.endswith("http")
    record = records[Kind.HTTP if http else Kind.FTP_DATA]
    control = records.get(Kind.FTP_CONTROL)
    assert record.known
    begun = len(record.responses[-1].head) + record.responses[-1].start if http else 0
    answer = Answer(record.client_next, seq.add(record.server_start, begun + 1000), 1000)
    facts, name = (capture.size, capture.modified), capture.path.strip("/").encode()
    session = control.session if control is not None else None
    found = plan(record, answer, lambda path: facts if path.strip(b"/") == name else None, session)
    assert isinstance(found, Adopt), found
    [piece] = found.pieces
    assert isinstance(piece, FilePart)
    assert (piece.offset, piece.length) == (1000, capture.size - 1000)
    if control is not None:
        stays = plan(control, Answer(control.client_next, control.said_end, 1000), lambda _path: facts)
        assert isinstance(stays, Adopt), stays
        assert session is not None
        assert session.pending[0].startswith(b"RETR")


@pytest.mark.parametrize("capture", CAPTURES, ids=NAMES)
def test_a_real_client_is_understood(capture: Capture) -> None:
    carried_on(capture, capture.segments())


@pytest.mark.parametrize("capture", CAPTURES, ids=NAMES)
def test_vsftpd_says_what_we_would_say_for_it(capture: Capture) -> None:
    """The reply that begins a transfer is known beforehand: the same bytes as in ftp.opening."""
    from twinboot.adopt.ftp import opening

    said = b"".join(one.payload for one in capture.segments() if one.source_port == 21)
    asked = b"".join(one.payload for one in capture.segments() if one.target_port == 21)
    for line in asked.split(b"\r\n"):
        if line.startswith(b"RETR"):
            assert opening(line, capture.size) in said


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
    for record in one.records():
        place = seq.add(record.server_start, data.draw(st.integers(0, 1 << 20)))
        answer = Answer(record.client_next, place, 1000)
        plan(decode(encode(record)), answer, lambda _path: (capture.size, capture.modified), record.session)
