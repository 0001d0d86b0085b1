"""The table of connections: fed with whole conversations, it says what a peer must know."""

from __future__ import annotations

import contextlib
import random
from dataclasses import replace
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from segments import CLIENT, SYN_OPTIONS, VIP, Conversation
from twinboot.takeover.logic import tracker as tracker_module
from twinboot.takeover.logic.protocols.ftp import ListingFormat, Transfer
from twinboot.takeover.logic.protocols.vsftpd_replies import PORT_ACCEPTED, passive_reply
from twinboot.takeover.logic.protocols.vsftpd_texts import DIALECT
from twinboot.takeover.logic.record import ConnectionKey, ConnectionKind, ConnectionRecord, SynOptions
from twinboot.takeover.logic.record_codec import MAX_BYTES, decode, encode
from twinboot.takeover.logic.tcp import seq
from twinboot.takeover.logic.tcp.segment import ACK, FIN, SYN
from twinboot.takeover.logic.tracker import PROGRESS_STEP, PROGRESS_TOLD_AT_ONCE, ConnectionTracker

FACTS = {b"/trees/rh9/big.bin": (62914560, 1795377600)}
GET = b"GET /trees/rh9/big.bin HTTP/1.1\r\nHost: x\r\n\r\n"
OK = (b"HTTP/1.1 200 OK\r\nContent-Length: 62914560\r\n"
      b"Last-Modified: Sun, 22 Nov 2026 20:00:00 GMT\r\n\r\n")


def tracker(limit: int = 100) -> ConnectionTracker:
    one = ConnectionTracker(FACTS.get, limit)
    one.addresses = {VIP}
    return one


def key(talk: Conversation) -> ConnectionKey:
    return ConnectionKey(talk.client, talk.port, VIP, talk.server_port)


def record(one: ConnectionTracker, talk: Conversation) -> ConnectionRecord:
    found = one.record(key(talk))
    assert found is not None
    assert decode(encode(found)) == found
    return found


def http(one: ConnectionTracker, cuts: tuple[int, ...] = ()) -> Conversation:
    """A client in the middle of a file."""
    talk = Conversation(40000, 80)
    for segment in (*talk.handshake(), *talk.ask(GET, cuts), *talk.answer(OK, unseen=1 << 20)):
        one.segment(segment)
    return talk


def login(one: ConnectionTracker, talk: Conversation, *, passive: int | None = 30001) -> None:
    """A session up to its RETR; passive: the port that the server opens, None: the client's 50000."""
    lines: list[tuple[str, bytes]] = [
        ("<", b"220 hello"), (">", b"USER anonymous"), ("<", b"230 Login successful.")]
    if passive is None:
        lines += [(">", b"PORT 192,168,0,128,195,80"), ("<", PORT_ACCEPTED.rstrip())]
    else:
        lines += [(">", b"PASV"), ("<", passive_reply(passive, str(VIP)).rstrip())]
    lines += [(">", b"TYPE I"), ("<", b"200 Switching to Binary mode."), (">", b"RETR trees/rh9/big.bin")]
    for segment in talk.handshake():
        one.segment(segment)
    for who, line in lines:
        said = talk.ask(line + b"\r\n") if who == ">" else talk.answer(line + b"\r\n")
        for segment in said:
            one.segment(segment)


def say(one: ConnectionTracker, talk: Conversation, line: bytes) -> None:
    for segment in talk.answer(line + b"\r\n"):
        one.segment(segment)


@given(st.lists(st.integers(1, 40), max_size=5).map(tuple))
def test_a_file_by_http(cuts: tuple[int, ...]) -> None:
    one = tracker()
    talk = http(one, cuts)
    found = record(one, talk)
    assert (found.kind, found.understood, found.server_closed) == (ConnectionKind.HTTP, True, False)
    assert (found.client_start, found.server_start) == (1001, seq.add(0xFFFFFF00, 1))
    assert found.client_next == talk.client_seq
    assert found.client_syn_options == found.server_syn_options
    assert (found.client_syn_options.mss, found.client_syn_options.window_scale) == (1460, 7)
    assert (found.client_syn_options.sack, found.client_syn_options.timestamps) == (True, True)
    assert found.responses[0].target == b"/trees/rh9/big.bin"
    assert found.unanswered == b""


def test_a_request_that_waits_is_told_word_for_word() -> None:
    one = tracker()
    talk = http(one)
    for segment in talk.ask(GET + b"GET /half"):
        one.segment(segment)
    assert record(one, talk).unanswered == GET + b"GET /half"


LISTED = (1000, 77)


def listed(
    one: ConnectionTracker, control: Conversation, data: Conversation, size: int, told: tuple[int, int]
) -> Transfer:
    """A listing of so many bytes goes over a data connection; what is told of it at its end."""
    for segment in (*control.ask(b"LIST\r\n"), *data.handshake()):
        one.segment(segment)
    say(one, control, b"150 Here comes the directory listing.")
    session = record(one, control).session
    assert session is not None
    assert session.transfer == Transfer(b"/.", 0, True, *told, listing=ListingFormat.LONG)
    data.server_seq = seq.add(data.server_seq, size)  # not captured
    one.segment(data.server_ends())
    one.segment(data.client_ends())
    session = record(one, control).session
    assert session is not None
    assert session.transfer is not None
    return replace(session.transfer, closed_by_client=False)


@pytest.mark.parametrize(("size", "facts"), [(1000, LISTED), (999, (999, -1))])
def test_a_listing_by_ftp_with_its_data_connection(size: int, facts: tuple[int, int]) -> None:
    """If the server's listing is not as long as ours, ours is no good, until one is."""
    one = ConnectionTracker(FACTS.get, listing_facts=lambda _path, _form: LISTED)
    one.addresses = {VIP}
    control = Conversation(40001, 21)
    login(one, control)
    say(one, control, b"550 Failed to open file.")
    doubted = LISTED if size == 1000 else (1000, -1)
    for length, told in ((size, LISTED), (1000, doubted), (1000, LISTED)):
        for segment in control.ask(b"PASV\r\n"):
            one.segment(segment)
        say(one, control, passive_reply(30001, str(VIP)).rstrip())
        found = listed(
            one, control, Conversation(40002, 30001, client_isn=5 + length, server_isn=6), length, told
        )
        assert (found.size, found.modified) == (told if length == 1000 else facts)
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
    assert session.transfer == Transfer(b"/trees/rh9/big.bin", 0, True, *FACTS[b"/trees/rh9/big.bin"])
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


def test_connections_that_are_none_of_ours_are_left_alone() -> None:
    one = tracker()
    for talk in (Conversation(40000, 22), Conversation(40000, 30001)):
        for segment in talk.handshake():
            one.segment(segment)
    one.addresses = {IPv4Address("192.168.0.254")}
    for segment in Conversation(40000, 80).handshake():
        one.segment(segment)
    assert len(one) == 0


def test_changes_are_told_once_and_ends_as_well() -> None:
    one = tracker()
    talk = http(one)
    assert [name for name, _record in one.changes()] == [key(talk)]
    assert one.changes() == []
    one.segment(talk.client_resets())
    assert one.changes() == [(key(talk), None)]


def test_a_syn_sent_again_changes_nothing_and_a_new_one_begins_anew() -> None:
    one = tracker()
    talk = http(one)
    before = record(one, talk)
    for segment in talk.handshake():
        one.segment(segment)
    assert record(one, talk) == before
    for segment in Conversation(40000, 80, client_isn=77, server_isn=88).handshake():
        one.segment(segment)
    assert (record(one, talk).client_start, record(one, talk).responses) == (78, ())


def test_the_table_is_bounded() -> None:
    one = tracker(limit=20)
    for port in range(40000, 40030):
        talk = Conversation(port, 80, client=IPv4Address(port))
        for segment in (*talk.handshake(), *talk.ask(GET)):
            one.segment(segment)
    assert len(one) == 20
    assert one.evicted == 10
    assert one.record(ConnectionKey(IPv4Address(40009), 40009, VIP, 80)) is None
    assert one.record(ConnectionKey(IPv4Address(40010), 40010, VIP, 80)) is not None


def test_many_machines_behind_one_address_are_all_followed() -> None:
    """Until others need the room: then the oldest of the address go that has more than a quarter."""
    one, nat = tracker(limit=20), IPv4Address("192.168.0.77")
    for port in range(40000, 40020):
        talk = Conversation(port, 80, client=nat)
        for segment in (*talk.handshake(), *talk.ask(GET)):
            one.segment(segment)
    assert (len(one), one.evicted) == (20, 0)
    for number in range(1, 16):
        talk = Conversation(40000, 80, client=IPv4Address(number))
        for segment in (*talk.handshake(), *talk.ask(GET)):
            one.segment(segment)
    of_nat = [found.key.client_port for found in one.records() if found.key.client == nat]
    assert sorted(of_nat) == list(range(40015, 40020)), "its quarter stays"
    assert len(one) == 20


def test_neither_a_flood_of_syns_nor_a_greedy_client_drives_out_the_others() -> None:
    one = tracker(limit=20)
    talk = http(one)
    one.changes()
    for port in range(1000, 2000):
        for segment in Conversation(port, 80, client=IPv4Address(port)).handshake():
            one.segment(segment)
    assert record(one, talk).understood
    assert len(one) == 1 + 20
    assert one.urgent == 0, "a flood has to wait"
    for segment in talk.ask(GET):
        one.segment(segment)
    assert [name for name, _record in one.changes(1)] == [key(talk)]
    for port in range(1000, 2000):
        greedy = Conversation(port, 80, client=IPv4Address("192.168.0.66"))
        for segment in (*greedy.handshake(), *greedy.ask(GET)):
            one.segment(segment)
    assert record(one, talk).understood
    assert len(one) <= 20 + 20


def crowd(one: ConnectionTracker, ports: range) -> list[Conversation]:
    """Clients that connect, and have not spoken yet."""
    found = [Conversation(port, 80) for port in ports]
    for talk in found:
        for segment in talk.handshake():
            one.segment(segment)
    return found


def test_a_crowd_that_connects_at_once_is_known_up_to_the_limit() -> None:
    """Before any of it speaks, and when it does."""
    one = tracker(limit=500)
    talks = crowd(one, range(20_000, 20_500))
    one.reconcile({key(talk): 0 for talk in talks})
    assert one.evicted == 0
    assert all(record(one, talk).understood for talk in talks)
    for talk in talks:
        for segment in talk.ask(GET):
            one.segment(segment)
    assert one.evicted == 0
    assert all(record(one, talk).unanswered == GET for talk in talks)


def test_a_flood_of_syns_does_not_drive_out_who_has_connected() -> None:
    """The kernel lists those whose handshake is complete, though they have not spoken."""
    one = tracker(limit=20)
    talks = crowd(one, range(20_000, 20_010))
    one.reconcile({key(talk): 0 for talk in talks})
    crowd(one, range(1000, 2000))
    assert all(record(one, talk).understood for talk in talks)


def test_what_a_client_waits_for_is_told_before_a_flood() -> None:
    one = tracker(limit=20)
    talks = crowd(one, range(20_000, 20_010))
    one.hurry(key(talks[7]))
    assert one.is_waiting(key(talks[7]))
    assert [name for name, _record in one.changes(1)] == [key(talks[7])]
    assert not one.is_waiting(key(talks[7]))


def test_what_a_request_asks_for_is_noted_as_it_is_then() -> None:
    one, talk = tracker(), Conversation(40000, 80)
    for segment in (*talk.handshake(), *talk.ask(GET + GET.replace(b"big", b"none"))):
        one.segment(segment)
    assert record(one, talk).requested_files == (FACTS[b"/trees/rh9/big.bin"], (-1, -1))
    for segment in talk.answer(OK):
        one.segment(segment)
    assert record(one, talk).requested_files == ((-1, -1),)
    again = tracker()
    again.seed(record(one, talk))
    assert record(again, talk).requested_files == ((-1, -1),)


def test_the_kernel_counts_from_the_handshake_or_from_where_a_connection_was_rebuilt() -> None:
    one, talk = tracker(), Conversation(40000, 80)
    assert one.sequence_origin(key(talk)) is None
    for segment in (*talk.handshake(), *talk.ask(GET), *talk.answer(OK)):
        one.segment(segment)
    told = record(one, talk)
    assert one.sequence_origin(key(talk)) == (told.client_start, told.server_start)
    again = tracker()
    again.seed(told, (told.client_next, told.server_start + 1000))
    assert again.sequence_origin(key(talk)) == (told.client_next, told.server_start + 1000)


def test_progress_is_told_exactly_before_an_orderly_move() -> None:
    one, talk = tracker(), Conversation(40000, 80)
    for segment in (*talk.handshake(), *talk.ask(GET), *talk.answer(OK)):
        one.segment(segment)
    one.changes()
    one.reconcile({key(talk): PROGRESS_STEP - 1})
    assert one.changes() == [], "too little to tell of"
    one.note_progress({key(talk): PROGRESS_STEP - 1})
    assert [told.acked_bytes for _key, told in one.changes() if told] == [PROGRESS_STEP - 1]
    one.note_progress({key(talk): -1})
    assert one.changes() == []


def test_progress_is_counted_from_where_a_connection_was_rebuilt_and_without_a_syn() -> None:
    one, talk = tracker(), Conversation(40000, 80)
    for segment in (*talk.handshake(), *talk.ask(GET), *talk.answer(OK)):
        one.segment(segment)
    far = replace(record(one, talk), acked_bytes=(5 << 30) - 10)
    again = tracker()
    again.seed(far, (far.client_next, (far.server_start + (5 << 30)) % 2**32))
    assert record(again, talk).acked_bytes == 5 << 30
    again.note_progress({key(talk): 3 << 30})
    assert record(again, talk).acked_bytes == 8 << 30
    active = tracker()
    active.seed(replace(far, acked_bytes=0, opened_by_server=True))
    active.note_progress({key(talk): 101})
    assert record(active, talk).acked_bytes == 100
    assert active.sequence_origin(key(talk)) == (far.client_start, far.server_start - 1)


def test_progress_of_many_is_told_of_a_few_at_once() -> None:
    one = tracker(1000)
    talks = [Conversation(40000 + number, 80) for number in range(PROGRESS_TOLD_AT_ONCE + 5)]
    for talk in talks:
        for segment in (*talk.handshake(), *talk.ask(GET)):
            one.segment(segment)
    one.changes()
    progress = {key(talk): PROGRESS_STEP + number for number, talk in enumerate(talks)}
    one.reconcile(progress)
    assert [name for name, _record in one.changes()] == [key(talk) for talk in reversed(talks[5:])]
    one.reconcile(progress)
    assert {name for name, _record in one.changes()} == {key(talk) for talk in talks[:5]}


def test_the_file_of_a_transfer_is_noted_before_its_server_says_that_it_begins() -> None:
    one, talk = tracker(), Conversation(40001, 21)
    login(one, talk)
    session = record(one, talk).session
    assert session is not None
    assert session.transfer == Transfer(b"/trees/rh9/big.bin", 0, False, *FACTS[b"/trees/rh9/big.bin"])


def test_compared_with_the_kernels_list() -> None:
    one = tracker()
    talk, stranger = http(one), ConnectionKey(CLIENT, 45000, VIP, 80)
    one.changes()
    one.reconcile({key(talk): 5 << 30, stranger: 0})
    assert record(one, talk).acked_bytes == 5 << 30
    assert not record(one, Conversation(45000, 80)).understood
    assert {name for name, _record in one.changes()} == {key(talk), stranger}
    one.reconcile({key(talk): (5 << 30) + PROGRESS_STEP - 1, stranger: 0})
    assert one.changes() == []
    one.reconcile({})
    assert len(one) == 2, "missing once is not yet gone"
    one.reconcile({key(talk): 5 << 30})
    assert len(one) == 1
    one.reconcile({})
    one.reconcile({})
    assert len(one) == 0


def test_what_the_server_says_to_itself_is_nobody_s_connection() -> None:
    """The takeover process asks the HTTP service on the same address; the kernel lists both ends."""
    one = tracker()
    one.reconcile({ConnectionKey(VIP, 45000, VIP, 80): 0, ConnectionKey(VIP, 80, VIP, 45000): 0})
    assert len(one) == 0
    assert one.changes() == []


@pytest.mark.parametrize("waiting", [b"", GET[:20], GET + GET[:5]])
def test_a_connection_taken_over_is_followed_on(waiting: bytes) -> None:
    first = tracker()
    talk = http(first)
    for segment in talk.ask(waiting):
        first.segment(segment)
    second = tracker()
    second.seed(record(first, talk))
    assert record(second, talk) == record(first, talk)
    for segment in (*talk.ask((GET + GET)[len(waiting):]), *talk.answer(OK, unseen=5)):
        first.segment(segment)
        second.segment(segment)
    assert record(second, talk) == record(first, talk)


def test_a_session_taken_over_is_followed_on() -> None:
    first, talk = tracker(), Conversation(40001, 21)
    login(first, talk)
    say(first, talk, b"150 Here comes the directory listing.")
    second = tracker()
    second.seed(record(first, talk))
    for one in (first, second):
        for segment in Conversation(40001, 21, client_isn=1000).handshake():
            one.segment(segment)  # the handshake once more, late: nothing changes
    lines = [*talk.answer(b"226 Transfer complete.\r\n"), *talk.ask(b"CWD trees\r\n"),
             *talk.answer(b"250 Directory successfully changed.\r\n")]
    for segment in lines:
        first.segment(segment)
        second.segment(segment)
    assert record(second, talk) == record(first, talk)
    session = record(second, talk).session
    assert session is not None
    assert session.directory == b"/trees"


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


def test_clients_that_ask_ahead_without_end_cost_no_memory_without_end(
        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracker_module, "PENDING_REQUESTS_LIMIT", 5 * len(GET))
    one = tracker()
    talks = [Conversation(40000 + number, 80) for number in range(3)]
    for talk, asked in zip(talks, (1, 4, 2), strict=True):
        for segment in (*talk.handshake(), *talk.ask(GET * asked)):
            one.segment(segment)
    one.reconcile({key(talk): 0 for talk in talks})
    assert [record(one, talk).understood for talk in talks] == [True, False, True]


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


@pytest.mark.parametrize("port", [21, 80])
def test_a_client_is_told_of_when_it_begins(port: int) -> None:
    """Before its server answers: the server may die in between."""
    one, talk = tracker(), Conversation(40000, port)
    syn, answer = talk.handshake()
    one.segment(syn)
    [(told, found)] = one.changes()
    assert told == key(talk)
    assert found is not None
    assert (found.server_start_known, found.understood, found.client_start) == (
        False,
        True,
        talk.client_isn + 1,
    )
    assert found.server_syn_options.window_scale == 7, "what is usual"
    one.segment(answer)
    assert record(one, talk).server_start_known


def test_what_is_usual_is_learned_from_what_this_server_offers() -> None:
    one, first, second = tracker(), Conversation(40000, 80), Conversation(40001, 80)
    one.segment(first.up(SYN, seq=1000, options=SYN_OPTIONS))
    one.segment(first.down(SYN | ACK, seq=5000, options=SYN_OPTIONS[:-1] + b"\x0a"))
    one.segment(second.up(SYN, seq=1000, options=SYN_OPTIONS))
    assert record(one, second).server_syn_options.window_scale == 10


def options(*kinds: str) -> bytes:
    """Of a SYN."""
    known = {"mss": b"\2\4\5\xb4", "sack": b"\4\2", "stamps": b"\x08\x0a" + bytes(8), "scale": b"\3\3\x07"}
    return b"".join(known[kind] for kind in kinds)


@pytest.mark.parametrize(
    ("client", "server", "offer"),
    [
        (("mss", "sack", "stamps", "scale"), ("mss",), SynOptions(1460, -1)),
        (("mss", "sack", "stamps"), ("mss", "stamps"), SynOptions(1460, 7, sack=False, timestamps=True)),
        (("mss", "scale"), ("mss",), SynOptions(1460, -1, sack=True, timestamps=True)),
        (("mss",), ("mss",), SynOptions(1460, 7, sack=True, timestamps=True)),
    ],
)
def test_what_this_server_does_not_offer_is_learned_too(
    client: tuple[str, ...], server: tuple[str, ...], offer: SynOptions
) -> None:
    """From its answer to a client that offers it."""
    one, first, second = tracker(), Conversation(40000, 80), Conversation(40001, 80)
    one.segment(first.up(SYN, seq=1000, options=options(*client)))
    one.segment(first.down(SYN | ACK, seq=5000, options=options(*server)))
    one.segment(second.up(SYN, seq=1000, options=SYN_OPTIONS))
    assert record(one, second).server_syn_options == offer


def test_what_the_kernel_offers_holds_until_then() -> None:
    offer = SynOptions(1460, 10, sack=False, timestamps=False)
    one, talk = ConnectionTracker(FACTS.get, offer=offer), Conversation(40000, 80)
    one.addresses = {VIP}
    one.segment(talk.up(SYN, seq=1000, options=SYN_OPTIONS))
    assert record(one, talk).server_syn_options == offer


def test_a_client_that_is_not_answered_may_offer_less() -> None:
    one, talk = tracker(), Conversation(40000, 80)
    one.segment(talk.up(SYN, seq=1000, options=SYN_OPTIONS))
    one.segment(talk.up(SYN, seq=1000))
    assert record(one, talk).client_syn_options == SynOptions()
    one.segment(talk.down(SYN | ACK, seq=5000))
    one.segment(talk.up(SYN, seq=1000, options=SYN_OPTIONS))
    assert record(one, talk).client_syn_options == SynOptions(), "it was answered"


@pytest.mark.parametrize("scale", [-1, 0, 14])
def test_options_are_the_same_after_each_move(scale: int) -> None:
    first, second, talk = tracker(), tracker(), http(tracker())
    mine, theirs = SynOptions(600, scale, sack=True), SynOptions(9000, 14, timestamps=True)
    for segment in (*talk.handshake(), *talk.ask(GET)):
        first.segment(segment)
    second.seed(replace(record(first, talk), client_syn_options=mine, server_syn_options=theirs))
    found = record(second, talk)
    assert (found.client_syn_options, found.server_syn_options) == (mine, theirs)


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


def test_an_answer_that_was_begun_untold_is_known_after_the_first_move() -> None:
    """So the connection can move again."""
    there, talk = tracker(), Conversation(40000, 80)
    for segment in (*talk.handshake(), *talk.ask(GET)):
        there.segment(segment)
    one = tracker()
    one.seed(record(there, talk))
    one.changes()
    one.server_sent(key(talk), talk.server_isn + 1, OK + b"\0" * 100)
    [response] = record(one, talk).responses
    assert (response.target, response.length) == (b"/trees/rh9/big.bin", 62914560)
    assert record(one, talk).unanswered == b""
    assert [told for told, _record in one.changes()] == [key(talk)]
    one.server_sent(key(Conversation(40009, 80)), 1, OK)  # of one that has ended meanwhile


def test_one_that_the_client_has_closed_is_not_taken_for_one_never_seen() -> None:
    """The kernel still lists it for a moment, as it is closing."""
    one = tracker()
    talk = http(one)
    one.changes()
    one.segment(talk.up(ACK | FIN))
    assert one.changes() == [(key(talk), None)]
    one.reconcile({key(talk): 100})
    assert one.record(key(talk)) is None
    assert key(talk) in one
    assert one.changes() == []
    one.reconcile({})
    one.reconcile({})
    assert key(talk) not in one
    again = Conversation(40000, 80, client_isn=77777)
    one.segment(talk.up(ACK | FIN))
    for segment in again.handshake():
        one.segment(segment)
    assert record(one, again).client_start == 77778, "the same ports, a new connection"


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


def test_a_session_in_other_words_than_a_takers_is_not_understood() -> None:
    """Another FTP server, or another release of it: what comes next is not guessed."""
    one, talk = tracker(), Conversation(40001, 21)
    login(one, talk)
    assert record(one, talk).understood
    say(one, talk, b"150 Opening data connection now.")
    assert not record(one, talk).understood
    say(one, talk, b"226 Transfer complete.")
    assert not record(one, talk).understood, "it does not come back"


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


def test_what_a_client_said_before_its_connection_was_taken_over_is_known() -> None:
    """The input hold has it, and delivers it to the kernel when the connection is there."""
    one, talk = tracker(), Conversation(40000, 80)
    for segment in talk.handshake():
        one.segment(segment)
    told, again = record(one, talk), tracker()
    for segment in talk.ask(GET):
        again.segment(segment)
    again.seed(told)
    assert (record(again, talk).unanswered, record(again, talk).client_next) == (GET, talk.client_seq)
