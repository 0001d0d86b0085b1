"""What a client may hold beyond a hole counts as sent: of the pieces, of later answers, and of the end."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

import pytest
from segments import PublishedTree
from twinboot.takeover.logic.file_facts import FileFacts
from twinboot.takeover.logic.holdings import UNSHOWN_LIMIT
from twinboot.takeover.logic.plan import ClientPosition, Rebuild, plan_takeover
from twinboot.takeover.logic.protocols.ftp import Session, Transfer
from twinboot.takeover.logic.protocols.http_heads import Response
from twinboot.takeover.logic.record import ConnectionKey, ConnectionKind, ConnectionRecord, SynOptions
from twinboot.takeover.logic.tcp import seq

START, SIZE, TIME = 0xFFFFF000, 10 << 20, 1795377600
TREE = PublishedTree({b"/big": (SIZE, TIME)}, set())
KEY = ConnectionKey(IPv4Address("192.168.0.128"), 40000, IPv4Address("192.168.0.253"), 80)
HEAD = b"HTTP/1.1 200 OK\r\nLast-Modified: Sun, 22 Nov 2026 20:00:00 GMT\r\n\r\n"
RESPONSE = Response(start=0, head=HEAD, target=b"/big", offset=0, length=SIZE, size=SIZE, status=200,
                    is_file_range=True)
BODY = len(HEAD)
ALL = SynOptions(1460, 7, sack=True, timestamps=True)
NO_SACK = replace(ALL, sack=False)
NOTHING = SynOptions(1460)
GET = b"GET /big HTTP/1.1\r\n\r\n"


def http(client: SynOptions = NO_SACK, server: SynOptions = ALL, **more: object) -> ConnectionRecord:
    record = ConnectionRecord(KEY, ConnectionKind.HTTP, 1000, START, 1500, client, server,
                              responses=(RESPONSE,))
    return replace(record, **more)  # type: ignore[arg-type]


def planned(record: ConnectionRecord, position: int, *, window: int = 1000,
            shown: tuple[tuple[int, int], ...] = (), session: Session | None = None) -> Rebuild:
    """shown: blocks beyond the client's position."""
    blocks = tuple((seq.at(START, position + left), seq.at(START, position + right)) for left, right in shown)
    client = ClientPosition(record.client_next, seq.at(START, position), window, sack_blocks=blocks)
    found = plan_takeover(record, client, TREE, session)
    assert isinstance(found, Rebuild), found
    return found


@pytest.mark.parametrize(
    ("client", "server", "held"),
    [
        (ALL, ALL, 0),
        (NO_SACK, ALL, 1001 << 7),
        (ALL, NO_SACK, 1001 << 7),
        (NOTHING, ALL, 65535),
        (NO_SACK, NOTHING, 65535),
    ],
)
def test_without_sack_a_client_may_hold_all_that_its_window_allows(
    client: SynOptions, server: SynOptions, held: int
) -> None:
    found = planned(http(client, server), BODY + 5000)
    assert (found.already_sent, found.shown, found.fin_sent, found.answers_sent) == (held, 0, False, 0)


@pytest.mark.parametrize("blocks", [1, 2, 3, 4])
def test_a_client_that_shows_blocks_may_hold_more_than_it_shows(blocks: int) -> None:
    shown = tuple((3000 * one, 3000 * one + 1448) for one in range(1, blocks + 1))
    found = planned(http(ALL), BODY + 5000, shown=shown)
    assert (found.already_sent, found.shown) == (1001 << 7, 3000 * blocks + 1448)


def test_a_client_without_room_holds_what_it_shows() -> None:
    assert planned(http(), BODY + 5000, window=0).already_sent == 0
    assert planned(http(ALL), BODY + 5000, window=0, shown=((100, 900),)).already_sent == 900


def test_what_is_assumed_has_bounds() -> None:
    assert planned(http(), BODY + 5000, window=65535).already_sent == UNSHOWN_LIMIT
    assert planned(http(), BODY + SIZE - 60_000).already_sent == 60_000, "the end of what is to be sent"


def test_what_leaves_at_once_is_not_delayed() -> None:
    """What counts as sent waits for the kernel's timer."""
    assert planned(http(), BODY + SIZE - 4000).already_sent == 0
    assert planned(http(), BODY + SIZE).already_sent == 0


@pytest.mark.parametrize(("left", "fin"), [(50_000, True), (200_000, False), (40, True)])
def test_the_end_of_the_connection_may_be_held_too(left: int, *, fin: bool) -> None:
    record = http(server_closed=True)
    found = planned(record, BODY + SIZE - left)
    assert (found.already_sent, found.fin_sent) == (min(left, 1001 << 7), fin)
    data = replace(record, kind=ConnectionKind.FTP_DATA, responses=(), server_closed=False)
    session = Session(logged_in=True, binary=True, transfer=Transfer(b"/big", 0, True, SIZE, TIME))
    assert planned(data, SIZE - left, session=session).fin_sent == fin
    assert not planned(data, SIZE, session=session).fin_sent, "no hole: it comes next"


def test_an_end_that_is_shown_counts_as_sent() -> None:
    found = planned(http(ALL, server_closed=True), BODY + SIZE - 2000, window=0, shown=((1000, 2001),))
    assert (found.already_sent, found.fin_sent) == (2000, True)
    found = planned(http(ALL, server_closed=True), BODY + SIZE - 2000, window=0, shown=((1000, 1500),))
    assert (found.already_sent, found.fin_sent) == (1500, False)


def test_answers_that_were_begun_untold_may_be_held() -> None:
    asked = http(unanswered=GET, requested_files=(FileFacts(SIZE, TIME),))
    found = planned(asked, BODY + SIZE - 1000)
    assert (found.already_sent, found.answers_sent) == (1000, (1001 << 7) - 1000)
    untold = replace(asked, responses=())
    assert planned(untold, 0).answers_sent == 1001 << 7
    found = planned(untold, 300)
    assert (found.skip_bytes, found.answers_sent) == (300, 1001 << 7)
    assert planned(http(), BODY + SIZE).answers_sent == 0, "nothing was asked for"


@pytest.mark.parametrize(("left", "held"), [(50_000, 50_001), (200_000, 1001 << 7), (0, 1)])
def test_the_end_after_answers_that_were_given_untold_may_be_held_too(left: int, held: int) -> None:
    asked = http(unanswered=GET, requested_files=(FileFacts(SIZE, TIME),), server_closed=True, responses=())
    found = planned(replace(asked, acked_bytes=300 + left), 300)
    assert (found.skip_bytes, found.answers_sent, found.fin_sent) == (300, held, False)
    asked = replace(asked, responses=(RESPONSE,), acked_bytes=BODY + SIZE + left)
    found = planned(asked, BODY + SIZE - 1000)
    assert found.already_sent + found.answers_sent + found.fin_sent == min(left + 1001, 1001 << 7)
    blocks = planned(replace(asked, client_syn_options=ALL), BODY + SIZE - 1000, window=0,
                     shown=((900, 1001 + left),))
    assert blocks.already_sent + blocks.answers_sent + blocks.fin_sent == 1001 + left


def test_blocks_of_answers_that_were_begun_untold() -> None:
    untold = http(ALL, responses=(), unanswered=GET, requested_files=(FileFacts(SIZE, TIME),))
    found = planned(untold, 300, window=0, shown=((1448, 9000),))
    assert (found.skip_bytes, found.answers_sent, found.already_sent) == (300, 9000, 0)


def test_where_memory_is_short_only_what_is_shown_counts_as_sent() -> None:
    found = planned(http(ALL), BODY + 5000, shown=((1000, 9000),))
    assert found.within(found.already_sent) == found
    assert found.within(20_000).already_sent == 9000
    ending = planned(http(server_closed=True), BODY + SIZE - 50_000)
    assert (ending.within(100).already_sent, ending.within(100).fin_sent) == (0, False)
    asked = planned(http(unanswered=GET, requested_files=(FileFacts(SIZE, TIME),)), BODY + SIZE - 1000)
    assert (asked.within(2000).already_sent, asked.within(2000).answers_sent) == (0, 0)
