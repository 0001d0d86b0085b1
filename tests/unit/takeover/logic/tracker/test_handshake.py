"""What a SYN of either side begins, and which options this server is known to offer."""

from __future__ import annotations

import pytest
from segments import SYN_OPTIONS, VIP, Conversation
from trackedconnections import FACTS, http, key, record, tracker
from twinboot.takeover.logic.record import SynOptions
from twinboot.takeover.logic.tcp.segment import ACK, SYN
from twinboot.takeover.logic.tracker import ConnectionTracker


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
