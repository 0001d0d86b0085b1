"""What a record and a plan become for the kernel: options of both SYNs, window, and the clock."""

from __future__ import annotations

import struct
from dataclasses import replace
from ipaddress import IPv4Address

import pytest
from twinboot.kernel.tcp_repair import millisecond_clock, options_of, windows_of
from twinboot.takeover.host.rebuild import as_repaired
from twinboot.takeover.logic.plan import ClientPosition, Rebuild
from twinboot.takeover.logic.record import ConnectionKey, ConnectionKind, ConnectionRecord, SynOptions

KEY = ConnectionKey(IPv4Address("192.0.2.9"), 40000, IPv4Address("192.0.2.253"), 80)
ALL = SynOptions(mss=1460, window_scale=7, sack=True, timestamps=True)
MSS, WINDOW, SACK, TIMESTAMP = 2, 3, 4, 8
"""Numbers of the options in a SYN (RFC 9293, RFC 7323, RFC 2018)."""


def rebuilt(
    client: SynOptions, server: SynOptions, position: ClientPosition
) -> tuple[dict[int, int], tuple[int, ...], int | None]:
    """Options by number, the window as it goes to the kernel, and the clock."""
    record = ConnectionRecord(KEY, ConnectionKind.HTTP, 1, 1, 1, client, server)
    one = as_repaired(record, Rebuild(0, position.ack, 0, (), position, close_after=True), b"")
    assert (one.local, one.remote) == (("192.0.2.253", 80), ("192.0.2.9", 40000))
    assert (one.send_next, one.receive_next) == (position.ack, 0)
    return dict(struct.iter_unpack("@II", options_of(one))), struct.unpack("@5I", windows_of(one)), one.clock


def test_what_both_offered_holds() -> None:
    position = ClientPosition(0, 50, 502, (11, 0xFFFFFFFF), ())
    options, window, clock = rebuilt(ALL, SynOptions(9000, 9, True, True), position)
    assert options == {MSS: 1460, WINDOW: 7 | 9 << 16, SACK: 0, TIMESTAMP: 0}
    assert window == (0xFFFFFFFF, 502 << 7, 502 << 7, 65535, 0)
    assert clock == 0, "what the client has last heard, and one more"


@pytest.mark.parametrize(
    "sides", [(ALL, SynOptions()), (SynOptions(mss=1460), ALL)], ids=["client", "server"]
)
def test_what_one_side_alone_offered_does_not(sides: tuple[SynOptions, SynOptions]) -> None:
    options, window, clock = rebuilt(*sides, ClientPosition(0, 50, 0, None, ()))
    assert options == {MSS: 1460, WINDOW: 0}, "no scaling is said, too: connect() has set this kernel's"
    assert window == (0xFFFFFFFF, 0, 1, 65535, 0)
    assert clock is None


def test_a_client_whose_answer_has_no_time_stamps_gets_none() -> None:
    """Any number could be older to it than the last that it has heard (PAWS, RFC 7323 section 5)."""
    options, _window, clock = rebuilt(ALL, ALL, ClientPosition(0, 50, 502))
    assert TIMESTAMP not in options
    assert clock is None


def test_a_client_that_sends_time_stamps_gets_them() -> None:
    """Whatever was thought of a server whose SYN was not seen: a client sends what was agreed upon."""
    position = ClientPosition(0, 50, 502, (11, 20))
    options, _window, clock = rebuilt(ALL, replace(ALL, timestamps=False), position)
    assert TIMESTAMP in options
    assert clock == 21


@pytest.mark.parametrize(("last", "clock"), [(20, 20), (21, 22), (0xFFFFFFFE, 0xFFFFFFFE), (0xFFFFFFFF, 0)])
def test_the_clock_ticks_in_milliseconds(last: int, clock: int) -> None:
    assert millisecond_clock(last) == clock


@pytest.mark.parametrize(("ahead", "answers", "first"), [(b"", 0, 50), (b"ahead", 0, 49), (b"", 9, 49)])
def test_the_round_trip_time_is_asked_for_when_something_counts_as_sent(
    ahead: bytes, answers: int, first: int
) -> None:
    record = ConnectionRecord(KEY, ConnectionKind.HTTP, 1, 1, 1, ALL, ALL)
    plan = Rebuild(0, 50, len(ahead), (), ClientPosition(0, 50, 502), close_after=True, answers_sent=answers)
    one = as_repaired(record, plan, ahead)
    assert (one.first_sequence, one.timed) == (first, first != 50)
