"""FTP data connections: each belongs to the session that has agreed upon it, and tells that of its end."""

from __future__ import annotations

from dataclasses import replace

import pytest
from segments import VIP, Conversation
from trackedconnections import FACTS, key, login, record, say, tracker
from twinboot.takeover.logic.file_facts import FileFacts
from twinboot.takeover.logic.protocols.ftp import ListingFormat, Transfer
from twinboot.takeover.logic.protocols.vsftpd_replies import passive_reply
from twinboot.takeover.logic.record import ConnectionKind
from twinboot.takeover.logic.record_codec import decode, encode
from twinboot.takeover.logic.tcp import seq
from twinboot.takeover.logic.tcp.segment import ACK, FIN
from twinboot.takeover.logic.tracker import ConnectionTracker

LISTED = FileFacts(1000, 77)


def listed(
    one: ConnectionTracker, control: Conversation, data: Conversation, size: int, told: FileFacts
) -> Transfer:
    """A listing of so many bytes goes over a data connection; what is told of it at its end."""
    for segment in (*control.ask(b"LIST\r\n"), *data.handshake()):
        one.segment(segment)
    say(one, control, b"150 Here comes the directory listing.")
    session = record(one, control).session
    assert session is not None
    assert session.transfer == Transfer(b"/.", 0, True, listing=ListingFormat.LONG).of(told)
    data.server_seq = seq.add(data.server_seq, size)  # not captured
    one.segment(data.server_ends())
    one.segment(data.client_ends())
    session = record(one, control).session
    assert session is not None
    assert session.transfer is not None
    return replace(session.transfer, closed_by_client=False)


@pytest.mark.parametrize(("size", "facts"), [(1000, LISTED), (999, FileFacts(999, -1))])
def test_a_listing_by_ftp_with_its_data_connection(size: int, facts: FileFacts) -> None:
    """If the server's listing is not as long as ours, ours is no good, until one is."""
    one = ConnectionTracker(FACTS.get, listing_facts=lambda _path, _form: LISTED)
    one.addresses = {VIP}
    control = Conversation(40001, 21)
    login(one, control)
    say(one, control, b"550 Failed to open file.")
    doubted = LISTED if size == 1000 else FileFacts(1000, -1)
    for length, told in ((size, LISTED), (1000, doubted), (1000, LISTED)):
        for segment in control.ask(b"PASV\r\n"):
            one.segment(segment)
        say(one, control, passive_reply(30001, str(VIP)).rstrip())
        found = listed(
            one, control, Conversation(40002, 30001, client_isn=5 + length, server_isn=6), length, told
        )
        assert found.facts == (told if length == 1000 else facts)
        say(one, control, b"226 Directory send OK.")


def test_a_data_connection_is_kept_until_its_client_has_closed_it() -> None:
    one = tracker()
    control, data = Conversation(40001, 21), Conversation(40002, 30001, client_isn=5, server_isn=6)
    login(one, control)
    for segment in data.handshake():
        one.segment(segment)
    data.server_seq = seq.add(data.server_seq, 4711)  # not captured
    one.segment(data.server_ends())
    for _ in range(3):  # the kernel: the client has it all
        one.reconcile({key(control): 100, key(data): -1, key(Conversation(40003, 30002)): -1})
    found = record(one, data)
    assert (found.server_closed, found.acked_bytes) == (True, 4711)
    assert one.record(key(Conversation(40003, 30002))) is None, "nobody lacks anything of it"


def test_a_file_by_ftp_with_its_data_connection() -> None:
    one = tracker()
    control, data = Conversation(40001, 21), Conversation(40002, 30001, client_isn=5, server_isn=6)
    login(one, control)
    for segment in data.handshake():
        one.segment(segment)
    say(one, control, b"150 Opening BINARY mode data connection for big.bin (62914560 bytes).")
    session = record(one, control).session
    assert session is not None
    assert session.transfer == Transfer(b"/trees/rh9/big.bin", 0, True).of(FACTS[b"/trees/rh9/big.bin"])
    found = record(one, data)
    assert (found.kind, found.control_key, found.server_start) == (ConnectionKind.FTP_DATA, key(control), 7)
    one.segment(data.server_ends())
    assert record(one, data).server_closed
    one.segment(data.client_ends())
    assert one.record(key(data)) is None
    assert one.record(key(control)) is not None


def test_a_data_connection_that_the_server_opens() -> None:
    one = tracker()
    control, data = Conversation(40001, 21), Conversation(50000, 20)
    login(one, control, passive=None)
    opening, answer = data.handshake_by_server()
    one.segment(opening)
    one.segment(answer)
    found = record(one, data)
    assert (found.kind, found.control_key, found.understood) == (ConnectionKind.FTP_DATA, key(control), True)
    assert (found.client_start, found.server_start) == (1001, seq.add(0xFFFFFF00, 1))
    assert decode(encode(found)).opened_by_server
    assert one.sequence_origin(key(data)) == (1001, 0xFFFFFF00), "Linux counts the SYN that it sent"
    assert not record(one, control).opened_by_server


def test_the_file_of_a_transfer_is_noted_before_its_server_says_that_it_begins() -> None:
    one, talk = tracker(), Conversation(40001, 21)
    login(one, talk)
    session = record(one, talk).session
    assert session is not None
    assert session.transfer == Transfer(b"/trees/rh9/big.bin", 0).of(FACTS[b"/trees/rh9/big.bin"])


def test_a_taken_over_session_has_its_next_data_connection_followed() -> None:
    """Its port may have been agreed upon with the dead server, or be named by the client alone."""
    first, control = tracker(), Conversation(40000, 21)
    login(first, control)
    there = record(first, control)
    for port in (30001, 30007):
        assert there.session is not None
        session = replace(there.session, data_port=30001 if port == 30001 else 0)
        one = tracker()
        one.seed(replace(there, session=session))
        if port != 30001:
            one.passive_port_learned(key(control), port)
        data = Conversation(40002, port)
        one.segment(data.handshake()[0])
        assert record(one, data).control_key == key(control)


def test_a_data_connection_that_is_faster_than_its_session_is_followed() -> None:
    """Its client comes while the session is being taken over; what it asks for is known with the session."""
    first, control = tracker(), Conversation(40000, 21)
    login(first, control)
    one, data = tracker(), Conversation(40002, 30001)
    one.passive_port_agreed(key(control), 30001)
    one.segment(data.handshake()[0])
    assert record(one, data).control_key == key(control)
    one.seed(record(first, control))
    assert record(one, data).control_key == key(control)


def test_a_session_knows_that_its_client_has_the_file() -> None:
    """Who takes it over then says so, and not before."""
    one, control, data = tracker(), Conversation(40000, 21), Conversation(40001, 30001)
    login(one, control)
    said = control.answer(b"150 Here comes the directory listing.\r\n")
    for segment in (*data.handshake(), *said, data.down(payload=b"x" * 50)):
        one.segment(segment)
    before = record(one, control).session
    one.changes()
    one.segment(data.up(ACK | FIN))
    after = record(one, control).session
    assert before is not None
    assert after is not None
    assert (before.transfer.closed_by_client, after.transfer.closed_by_client) == (False, True)  # type: ignore[union-attr]
    assert key(control) in {told for told, _record in one.changes()}
