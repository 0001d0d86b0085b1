"""The records of tracked connections: bounded, and read or refused whatever their bytes are."""

from __future__ import annotations

import contextlib
import random
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from segments import Conversation
from trackedconnections import GET, OK, http, key, login, record, tracker
from twinboot.takeover.logic.protocols.vsftpd_texts import DIALECT
from twinboot.takeover.logic.record import ConnectionKind
from twinboot.takeover.logic.record_codec import MAX_BYTES, decode, encode


def test_a_record_is_never_too_long() -> None:
    one = tracker()
    talk = http(one)
    noise = random.Random(1)
    for number in range(30):
        long = noise.randbytes(200).hex().encode()
        for segment in (*talk.ask(GET), *talk.answer(OK[:-2] + b"X-Long: " + long + b"\r\n\r\n")):
            one.segment(segment)
        talk.server_seq += 62914560 + (1 << 20) * (number < 0)
    found = one.record(key(talk))
    assert found is not None
    assert len(encode(found)) <= MAX_BYTES
    assert decode(encode(found)).understood
    for segment in talk.ask(b"GET /" + noise.randbytes(20000).hex().encode() + b" HTTP/1.1\r\n\r\n"):
        one.segment(segment)
    found = one.record(key(talk))
    assert found is not None
    assert len(encode(found)) <= MAX_BYTES
    assert not decode(encode(found)).understood


@given(st.binary(max_size=300))
def test_no_bytes_are_taken_for_a_record_by_mistake(data: bytes) -> None:
    try:
        decode(data)
    except ValueError:
        return
    raise AssertionError("read")


@given(st.data())
def test_a_record_with_broken_bytes_is_refused_or_read_but_never_fails(data: st.DataObject) -> None:
    one = tracker()
    raw = bytearray(encode(record(one, http(one))))
    place = data.draw(st.integers(0, len(raw) - 1))
    raw[place] = data.draw(st.integers(0, 255))
    with contextlib.suppress(ValueError):
        decode(bytes(raw[:data.draw(st.integers(0, len(raw)))]))


def test_a_record_names_what_the_image_speaks() -> None:
    one, talk = tracker(), Conversation(40001, 21)
    web = http(one)
    login(one, talk)
    assert record(one, talk).dialect is None, "nobody has told"
    one.changes()
    one.set_dialects({ConnectionKind.FTP_CONTROL: "pyftpdlib-2", ConnectionKind.HTTP: ""})
    assert {name for name, _ in one.changes()} == {key(talk), key(web)}, "the peers are told at once"
    assert (record(one, talk).dialect, record(one, web).dialect) == ("pyftpdlib-2", "")
    second = tracker()
    second.set_dialects({ConnectionKind.FTP_CONTROL: "pyftpdlib-2"})
    second.seed(replace(record(one, talk), dialect=DIALECT), (1001, 2001))
    assert record(second, talk).dialect == DIALECT, "the takeover process leads it, in vsftpd's words"
