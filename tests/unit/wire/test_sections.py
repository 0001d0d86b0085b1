"""Sections, and every format that is made of them: it can grow, and junk raises only its documented error."""

from __future__ import annotations

import contextlib
import hmac
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twinboot.core.model import Heartbeat
from twinboot.takeover.logic import record_codec
from twinboot.takeover.logic.file_facts import FileFacts
from twinboot.takeover.logic.protocols import ftp, tftp_download, tftp_peers
from twinboot.takeover.logic.protocols.http_heads import Response
from twinboot.takeover.logic.protocols.tftp_options import Terms
from twinboot.takeover.logic.record import (
    KEY_BYTES,
    ConnectionKey,
    ConnectionKind,
    ConnectionRecord,
    SynOptions,
)
from twinboot.wire import sections
from twinboot.wire.cluster.heartbeat import DecodeError, HeartbeatCodec
from twinboot.wire.cluster.replication import Ack, Data, ReplicationCodec, Row

SECTIONS = st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=40)), max_size=8)
UNKNOWN = st.lists(st.tuples(st.integers(100, 255), st.binary(max_size=40)), max_size=5,
                   unique_by=lambda one: one[0])
TFTP_DOWNLOAD = tftp_download.Download(
    b"/kernel", 2**40, 1_700_000_000, Terms(1408, 0, 6.0), 40_000, 50_000, True)
SIGNING_KEY = bytes(range(32))
SIGNATURE_BYTES = 32


@given(found=SECTIONS)
def test_what_is_put_is_taken_in_its_order(found: list[tuple[int, bytes]]) -> None:
    data = b"".join(sections.put(tag, body) for tag, body in found)
    assert list(sections.take(data)) == found
    assert list(sections.take(b"ab" + data, 2)) == found


def test_what_does_not_fit_or_ends_too_early_is_an_error() -> None:
    for tag, body in ((256, b""), (-1, b""), (1, bytes(sections.MAX_BODY + 1))):
        with pytest.raises(ValueError, match="section"):
            sections.put(tag, body)
    whole = sections.put(7, b"body")
    for cut in range(1, len(whole)):
        with pytest.raises(ValueError, match="too early"):
            list(sections.take(whole[:cut]))
    with pytest.raises(ValueError, match="twice"):
        sections.take_once(whole + whole)


@dataclass(frozen=True)
class Format:
    """One format: what stands before its sections, a value of it, and its two directions."""

    value: Any
    encode: Callable[[Any], bytes]
    decode: Callable[[bytes], Any]
    head_bytes: int
    error: type[Exception] = ValueError
    signed: bool = False

    def grown(self, order: Callable[[list[bytes]], list[bytes]]) -> bytes:
        """The encoded value with its sections changed as a newer writer may."""
        raw = self.encode(self.value)
        body = raw[:-SIGNATURE_BYTES] if self.signed else raw
        known = [sections.put(tag, part) for tag, part in sections.take(body, self.head_bytes)]
        new = body[:self.head_bytes] + b"".join(order(known))
        return new + hmac.digest(SIGNING_KEY, new, "sha256") if self.signed else new


CONNECTION = ConnectionRecord(
    ConnectionKey(IPv4Address("192.168.0.9"), 4000, IPv4Address("192.168.0.253"), 80), ConnectionKind.HTTP,
    1, 2, 3, SynOptions(1460, 7, True, True), SynOptions(1400), acked_bytes=2**33,
    responses=(Response(0, b"HEAD", b"/a", 0, 9, 9, 200, is_file_range=True),
               Response(9, b"HEAD", b"/b", 0, 9, 9, 200, is_file_range=True)),
    unanswered=b"GET", requested_files=(FileFacts(7, 8),),
)
SESSION = ftp.Session(directory=b"/x", transfer=ftp.Transfer(b"/x/y", 5, True, 6, 7), pending=(b"NOOP",))
CONTROL = replace(CONNECTION, kind=ConnectionKind.FTP_CONTROL, responses=(), unanswered=b"",
                  requested_files=(), session=SESSION, reply_tail=b"226 Done", reply_tail_end=70)
DATA_CONNECTION = replace(CONTROL, kind=ConnectionKind.FTP_DATA, session=None, reply_tail=b"",
                          reply_tail_end=0, control_key=CONNECTION.key)
HEARTBEATS = HeartbeatCodec("rack1", [SIGNING_KEY])
REPLICATION = ReplicationCodec("rack1", [SIGNING_KEY])
SIGNED_HEAD = 13


def of_record(record: ConnectionRecord) -> Format:
    return Format(record, record_codec.encode, record_codec.decode, KEY_BYTES + 1)


def of_packet(packet: Data | Ack) -> Format:
    return Format(packet, REPLICATION.encode, REPLICATION.decode, SIGNED_HEAD, DecodeError, True)


FORMATS = {
    "http": of_record(CONNECTION),
    "ftp": of_record(CONTROL),
    "ftp-data": of_record(DATA_CONNECTION),
    "tftp": Format(TFTP_DOWNLOAD, tftp_download.encode, tftp_download.decode, 1),
    "tftp-watch": Format(tftp_peers.Watch(128, 7.25, 9000), tftp_peers.encode_watch,
                         tftp_peers.decode_watch, 1),
    "data": of_packet(Data("server1", 1, 2, 3, "leases", 0, 5, 7, (Row(4, b"k", b"v"), Row(5, b"l", None)))),
    "ack": of_packet(Ack("server1", 1, 2, 3, "leases", 9, ((11, 12),))),
    "heartbeat": Format(Heartbeat("rack1", "server1", 1, 1, groups={}, eligible=("dhcp",)), HEARTBEATS.encode,
                        HEARTBEATS.decode, SIGNED_HEAD, DecodeError, True),
}
every_format = pytest.mark.parametrize("form", FORMATS.values(), ids=list(FORMATS))


@every_format
@settings(max_examples=40)
@given(unknown=UNKNOWN, data=st.data())
def test_unknown_sections_are_skipped_wherever_they_stand(
    form: Format, unknown: list[tuple[int, bytes]], data: st.DataObject
) -> None:
    def mixed(known: list[bytes]) -> list[bytes]:
        for tag, body in unknown:
            known.insert(data.draw(st.integers(0, len(known))), sections.put(tag, body))
        return known

    assert form.decode(form.grown(mixed)) == form.value


@every_format
def test_the_order_of_different_sections_does_not_matter(form: Format) -> None:
    def sorted_backwards(known: list[bytes]) -> list[bytes]:
        return sorted(known, key=lambda one: -one[0])  # stable: those of one tag stay in their order

    assert form.decode(form.grown(sorted_backwards)) == form.value


@every_format
@settings(max_examples=60)
@given(junk=st.binary(max_size=60), cut=st.integers(0, 400), at=st.integers(0, 400))
def test_cut_and_changed_input_raises_the_documented_error_and_no_other(
    form: Format, junk: bytes, cut: int, at: int
) -> None:
    raw = form.grown(list)
    body = raw[:-SIGNATURE_BYTES] if form.signed else raw
    for wrong in (junk, body[:cut], body[:at] + junk + body[at:], body[:form.head_bytes] + junk):
        signed = wrong + hmac.digest(SIGNING_KEY, wrong, "sha256") if form.signed else wrong
        with contextlib.suppress(form.error):
            form.decode(signed)


@pytest.mark.parametrize("name", ["http", "ftp", "ftp-data"])
def test_a_deflated_record_of_a_newer_writer_is_read(name: str) -> None:
    form = FORMATS[name]
    raw = form.grown(lambda known: [sections.put(200, bytes(4000)), *known])
    packed = raw[:KEY_BYTES] + bytes((raw[KEY_BYTES] | 0x80,)) + zlib.compress(raw[KEY_BYTES + 1:])
    assert form.decode(packed) == form.value


def only_first(known: list[bytes]) -> list[bytes]:
    return known[:1]


def test_missing_sections_of_a_record_have_defaults() -> None:
    key = CONNECTION.key
    bare = ConnectionRecord(key, ConnectionKind.HTTP, 1, 2, 3, SynOptions(), SynOptions(), acked_bytes=2**33)
    assert FORMATS["http"].decode(FORMATS["http"].grown(only_first)) == bare
    assert FORMATS["ftp"].decode(FORMATS["ftp"].grown(only_first)) == replace(
        bare, kind=ConnectionKind.FTP_CONTROL, session=ftp.Session())
    assert FORMATS["ftp-data"].decode(FORMATS["ftp-data"].grown(only_first)) == replace(
        bare, kind=ConnectionKind.FTP_DATA)


def test_missing_sections_of_the_others_have_defaults() -> None:
    tftp_form, data, ack = FORMATS["tftp"], FORMATS["data"], FORMATS["ack"]
    assert tftp_form.decode(tftp_form.grown(only_first)) == replace(
        tftp_form.value, terms=Terms(1408), acknowledged=0, server_port=0, confirmed=False)
    assert data.decode(data.grown(lambda known: known[:2])) == replace(data.value, rows=())
    assert ack.decode(ack.grown(lambda known: known[:2])) == replace(ack.value, beyond=())


@pytest.mark.parametrize("name", ["http", "ftp", "ftp-data", "data", "ack"])
def test_what_a_newer_writer_adds_at_a_sections_end_is_ignored(name: str) -> None:
    """Where the known part says its own length; those that run to their end grow by a new section."""
    form = FORMATS[name]
    to_the_end = {4, 5, 7} if form.error is ValueError else set()

    def longer(known: list[bytes]) -> list[bytes]:
        parts = [part for raw in known for part in sections.take(raw)]
        return [sections.put(tag, body if tag in to_the_end else body + b"more") for tag, body in parts]

    assert form.decode(form.grown(longer)) == form.value
