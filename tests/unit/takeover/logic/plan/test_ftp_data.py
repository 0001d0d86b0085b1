"""What the taker sends on an FTP data connection: the rest of a file or listing, or all of it anew."""

from __future__ import annotations

import zlib
from dataclasses import replace

import pytest
from segments import PublishedTree
from takeoverrecords import ASKED, DATA, KEY, OFFER, SESSION, SIZE, START, TIME, TREE, at, rebuilt, reset
from twinboot.takeover.logic.pieces import FilePart
from twinboot.takeover.logic.plan import (
    ClientPosition,
    Forget,
    Rebuild,
    Reset,
    TakeoverPlan,
    plan_takeover,
    with_server_start,
)
from twinboot.takeover.logic.protocols.ftp import Channel, ListingFormat, Session, Transfer
from twinboot.takeover.logic.record import ConnectionRecord
from twinboot.takeover.logic.tcp import seq


def test_the_rest_of_a_file_by_ftp() -> None:
    found = rebuilt(plan_takeover(DATA, at(50, up=1000), TREE, SESSION))
    assert found.pieces == (FilePart(b"/trees/big.bin", 150, SIZE - 150),)
    assert found.close_after


def test_all_of_a_file_by_ftp_and_its_end() -> None:
    record = replace(DATA, server_closed=True, acked_bytes=SIZE)
    assert rebuilt(plan_takeover(record, at(SIZE - 100, up=1000), TREE, SESSION)).pieces == ()
    answer = at(SIZE - 99, up=1000)
    ended = rebuilt(plan_takeover(record, answer, TREE, SESSION))
    assert (ended.send_next, ended.pieces, ended.close_after) == (seq.add(answer.ack, -1), (), True)


SHOWN = b"-rw-r--r-- one\r\n-rw-r--r-- two\r\n"
LISTED = Transfer(b"/trees", 0, True, len(SHOWN), zlib.crc32(SHOWN), listing=ListingFormat.LONG)
LISTING = replace(SESSION, binary=False, transfer=LISTED, pending=(b"LIST",))
LISTS = replace(TREE, listings={b"/trees": SHOWN})
UNLIKE = replace(TREE, listings={b"/trees": SHOWN.replace(b"two", b"2.0")})


def of_length(size: int) -> Session:
    """All that is known of the listing."""
    return replace(LISTING, transfer=replace(LISTED, size=size, modified=-1))


@pytest.mark.parametrize(("heard", "pieces"), [(5, (SHOWN[5:],)), (len(SHOWN), ())])
def test_a_listing_goes_on(heard: int, pieces: tuple[bytes, ...]) -> None:
    found = rebuilt(plan_takeover(DATA, at(heard, up=1000), LISTS, LISTING))
    assert (found.pieces, found.close_after) == (pieces, True)
    begun = rebuilt(plan_takeover(DATA, at(0, up=1000), LISTS, replace(LISTING, pending=())))
    assert (begun.pieces, begun.close_after) == ((SHOWN,), True), "its final reply was said"


@pytest.mark.parametrize("tree", [LISTS, UNLIKE, TREE])
@pytest.mark.parametrize("session", [LISTING, of_length(-1)])
def test_a_listing_of_which_the_client_has_nothing_is_made_by_the_session(
    tree: PublishedTree, session: Session
) -> None:
    found = rebuilt(plan_takeover(DATA, at(0, up=1000), tree, session))
    assert (found.pieces, found.close_after) == ((), False)


@pytest.mark.parametrize("tree", [LISTS, UNLIKE])
@pytest.mark.parametrize("session", [LISTING, of_length(len(SHOWN))])
def test_a_listing_that_the_client_has_needs_its_end_only(tree: PublishedTree, session: Session) -> None:
    record = replace(DATA, server_closed=True)
    for heard in (len(SHOWN), len(SHOWN) + 1):
        answer = at(heard, up=1000)
        found = rebuilt(plan_takeover(record, answer, tree, session))
        assert (found.pieces, found.close_after, found.send_next) == ((), True, seq.at(START, len(SHOWN)))


@pytest.mark.parametrize(("answer", "tree", "session"), [
    (at(5, up=1000), UNLIKE, LISTING), (at(5, up=1000), TREE, LISTING),
    (at(5, up=1000), LISTS, of_length(len(SHOWN))), (at(len(SHOWN) + 2, up=1000), LISTS, LISTING),
    (at(0, up=1000, sack_blocks=((seq.at(START, 3), seq.at(START, 6)),)), UNLIKE, LISTING),
])
def test_a_listing_that_may_differ_is_reset(
    answer: ClientPosition, tree: PublishedTree, session: Session
) -> None:
    assert "a listing" in reset(plan_takeover(DATA, answer, tree, session))


@pytest.mark.parametrize("session", [None, SESSION, replace(SESSION, transfer=None), LISTING])
def test_a_client_that_has_all_and_the_end_needs_nothing(session: Session | None) -> None:
    """Whatever its session does meanwhile: its data connection is still open at its end."""
    record = replace(DATA, server_closed=True, acked_bytes=4711)
    answer = at(4712, up=1000)
    found = rebuilt(plan_takeover(record, answer, TREE, session))
    assert (found.pieces, found.close_after, found.send_next) == ((), True, seq.add(answer.ack, -1))


@pytest.mark.parametrize("transfer", [None, Transfer(b"/trees/big.bin", 0)])
def test_a_data_connection_that_waits_for_its_command_is_kept(transfer: Transfer | None) -> None:
    found = rebuilt(plan_takeover(DATA, at(0, up=1000), TREE, replace(SESSION, transfer=transfer)))
    assert (found.pieces, found.close_after) == ((), False)


HOLE = at(0, up=1000, sack_blocks=((seq.at(START, 3), seq.at(START, 6)),))
"""The client lacks the first bytes, and has some that follow."""
PLAIN = replace(DATA, client_syn_options=replace(OFFER, sack=False))
NOT_SAID = replace(LISTED, started=False)


@pytest.mark.parametrize("record", [DATA, PLAIN])
def test_a_transfer_that_was_begun_untold_is_sent_from_its_beginning(record: ConnectionRecord) -> None:
    """The client shows that it holds something, or does not say what it holds."""
    answer = HOLE if record is DATA else at(0, up=1000)
    found = rebuilt(plan_takeover(record, answer, TREE, ASKED))
    assert (found.pieces, found.close_after) == ((FilePart(b"/trees/big.bin", 0, SIZE),), True)
    assert found.already_sent > 0
    listed = rebuilt(plan_takeover(record, answer, LISTS, replace(LISTING, transfer=NOT_SAID)))
    assert (listed.pieces, listed.close_after, listed.already_sent > 0) == ((SHOWN,), True, True)


def test_a_client_that_has_no_end_of_the_file_but_its_fin_has_begun() -> None:
    """All segments but the last, with the FIN, were lost."""
    fin = at(0, up=1000, sack_blocks=((seq.at(START, len(SHOWN)), seq.at(START, len(SHOWN) + 1)),))
    found = rebuilt(plan_takeover(DATA, fin, LISTS, replace(LISTING, transfer=NOT_SAID)))
    assert (found.pieces, found.fin_sent) == ((SHOWN,), True)


def test_what_cannot_be_the_same_is_begun_anew_while_the_client_shows_nothing() -> None:
    quiet = at(0, up=1000)
    for session in (replace(ASKED, binary=False), replace(ASKED, transfer=Transfer(b"/trees/big.bin", 0))):
        assert rebuilt(plan_takeover(PLAIN, quiet, TREE, session)).pieces == ()
    assert rebuilt(plan_takeover(PLAIN, quiet, UNLIKE, replace(LISTING, transfer=NOT_SAID))).pieces == ()
    assert rebuilt(plan_takeover(PLAIN, quiet, TREE, replace(ASKED, pending=()))).pieces == (), "not asked"


@pytest.mark.parametrize(("session", "which"), [
    (replace(SESSION, channel=Channel.PASSIVE, data_port=30001), Rebuild),
    (replace(SESSION, channel=Channel.PASSIVE, data_port=0), Rebuild),  # of a reply that was not told
    (replace(SESSION, channel=Channel.PASSIVE, data_port=30002), Reset),
    (replace(SESSION, channel=Channel.ACTIVE, data_port=30001), Reset),
    (replace(SESSION, channel=Channel.ACTIVE, data_port=KEY.client_port), Rebuild),
])
def test_a_file_goes_only_to_the_data_connection_that_was_agreed_upon(
        session: Session, which: type[TakeoverPlan]) -> None:
    assert isinstance(plan_takeover(DATA, at(500, 1000), TREE, session), which)


def test_an_earlier_data_connection_that_its_client_has_closed_is_over() -> None:
    later = replace(SESSION, channel=Channel.PASSIVE, data_port=30002)
    assert isinstance(plan_takeover(DATA, at(500, 1001), TREE, later), Forget)


def test_a_file_of_no_bytes_whose_end_the_client_has_needs_nothing_of_the_next() -> None:
    closed = replace(DATA, server_closed=True, acked_bytes=0)
    assert rebuilt(plan_takeover(closed, at(1, 1000), TREE, SESSION)).pieces == ()


@pytest.mark.parametrize(("sack", "blocks", "pieces"), [
    (True, (), 0),
    (True, ((seq.at(START, 2000), seq.at(START, 3000)),), 1),
    (False, (), 1),  # what it holds beyond a hole it does not show
])
def test_a_client_may_hold_data_of_a_transfer_that_was_begun_untold(
        sack: bool, blocks: tuple[tuple[int, int], ...], pieces: int) -> None:
    record = replace(DATA, client_syn_options=replace(OFFER, sack=sack))
    found = rebuilt(plan_takeover(record, at(0, 1000, sack_blocks=blocks), TREE, ASKED))
    assert (len(found.pieces), found.close_after) == (pieces, bool(pieces))


def test_data_whose_start_is_not_known_is_not_sent_from_its_beginning() -> None:
    record = replace(DATA, server_start_known=False)
    client = at(700, up=1000)
    requested = replace(SESSION, transfer=Transfer(b"/trees/big.bin", 0, False, SIZE, TIME))
    assert "began" in reset(plan_takeover(with_server_start(record, client), client, TREE, requested))
    complete = replace(SESSION, pending=())
    assert "began" in reset(plan_takeover(with_server_start(record, client), client, TREE, complete)), "226"
    idle = replace(requested, transfer=None, pending=())
    assert rebuilt(plan_takeover(with_server_start(record, client), client, TREE, idle)).pieces == ()


def test_a_listing_that_the_client_has_with_its_end_needs_no_word_of_the_end() -> None:
    found = rebuilt(plan_takeover(DATA, at(len(SHOWN) + 1, up=1000), LISTS, LISTING))
    assert (found.pieces, found.close_after) == ((), True)
