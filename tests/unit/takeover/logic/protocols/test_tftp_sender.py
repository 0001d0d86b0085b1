"""Downloads go on where the client is: exactly the file, or no end; never a short block between."""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tftpclients import CLIENTS, CONFUSED_BEHIND_65535, SILENT, WITH_TIMEOUT, TftpClient
from twinboot.takeover.logic.protocols.tftp_download import Download
from twinboot.takeover.logic.protocols.tftp_options import Terms
from twinboot.takeover.logic.protocols.tftp_sender import (
    LISTEN_S,
    RETRANSMIT_FOR_S,
    SWEEP_BLOCKS,
    Phase,
    Sender,
    retransmit_pauses,
)

BLOCK = 8
PACE_S = 0.005
PORT = 40000


@cache
def content_of(size: int) -> bytes:
    """Bytes that say where they are: a block in another one's place is seen."""
    return b"".join(number.to_bytes(4, "big") for number in range(size // 4 + 1))[:size]


def download(size: int, acknowledged: int, *, counts_on: bool = False) -> Download:
    return Download(b"kernel", size, 77, Terms(BLOCK), acknowledged, PORT, True, counts_on)


@dataclass(frozen=True)
class Wire:
    """What becomes of a datagram. loss, twice: in a hundred. delay_s: at most; fixed: always so."""

    loss: int = 0
    twice: int = 0
    delay_s: float = 0.01
    fixed: bool = False

    def arrivals(self, draw: random.Random, now: float) -> list[float]:
        if draw.randrange(100) < self.loss:
            return []
        many = 2 if draw.randrange(100) < self.twice else 1
        return [now + (self.delay_s if self.fixed else draw.uniform(0, self.delay_s)) for _ in range(many)]


def played(one: Download, client: TftpClient, reach: int | None, wire: Wire, seed: int,
           speak_first: bool = True) -> tuple[Sender, float]:
    """The taker and a client, until the taker is over. The time of the end."""
    draw, now, order, order_due = random.Random(seed), 0.0, 0, 0
    heard_at = 0.0
    content = content_of(one.size)
    sender = Sender(one, reach=reach, now=now, pace_s=PACE_S)
    events: list[tuple[float, int, str, int]] = []

    def put(at: float, what: str, value: int) -> None:
        nonlocal order
        order += 1
        heapq.heappush(events, (at, order, what, value))

    def answered(numbers: list[int]) -> None:
        for number in numbers:
            for at in wire.arrivals(draw, now):
                put(at, "ack", number)
        if client.repeats_s is not None and not client.complete:
            put(now + client.repeats_s, "repeat", client.have)

    answered([])
    if speak_first:
        put(now, "due", order_due)
    while events and not sender.over and now < 3000:
        now, _, what, value = heapq.heappop(events)
        if what == "ack":
            sender.heard(value, now)
        elif what == "data":
            heard_at = now
            if not client.complete:
                answered(client.block(one.number(value), content[one.offset(value):one.offset(value + 1)]))
            continue
        elif what == "due" and value != order_due:
            continue
        elif what == "repeat":
            assert client.repeats_s is not None
            if client.restarts and now < heard_at + client.repeats_s and not client.complete:
                put(heard_at + client.repeats_s, "repeat", value)
            elif value == client.have and not client.complete:
                answered([client.last_number])
            continue
        block = sender.due(now) if sender.found or speak_first else None
        if block is not None:
            for at in wire.arrivals(draw, now):
                put(at, "data", block)
        if not sender.over and (sender.found or speak_first):
            order_due = order + 1
            put(max(sender.wake_at, now), "due", order_due)
    return sender, now


def begun(kind: str, size: int, have: int, repeats: bool = True) -> TftpClient:
    make, repeats_s = CLIENTS[kind]
    got = bytearray(content_of(size)[:have * BLOCK])
    return make(BLOCK, have, got, False, repeats_s if repeats else None)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_client_gets_exactly_the_file_or_no_end(data: st.DataObject) -> None:
    """Whatever is lost, comes twice or late, and however far the client is beyond what the peers know."""
    kind = data.draw(st.sampled_from(sorted(CLIENTS)))
    blocks = data.draw(st.one_of(*(st.integers(low, low + 700) for low in (0, 65_300, 131_000))))
    size = blocks * BLOCK + data.draw(st.sampled_from([0, 1, BLOCK - 1]))
    have = data.draw(st.integers(max(0, blocks - 400), blocks))
    known = max(0, have - data.draw(st.integers(0, 400)))
    # Behind block 65535 these take a late copy for a new block, whoever sends it: here nothing comes late.
    frail = kind in CONFUSED_BEHIND_65535 and blocks > 65_000
    wire = Wire(data.draw(st.integers(0, 40)), 0 if frail else data.draw(st.integers(0, 40)),
                data.draw(st.sampled_from([0.001, 0.05])), frail)
    one = download(size, known, counts_on=kind in WITH_TIMEOUT)
    client = begun(kind, size, have)
    reach = data.draw(st.sampled_from([None, have - known, 20_000, 65_000, 10**6]))
    sender, _ = played(one, client, reach, wire, data.draw(st.integers(0, 10**6)))
    assert content_of(size).startswith(client.got)
    assert len(client.got) == size or not client.complete
    assert sender.over


@pytest.mark.parametrize("kind", sorted(CLIENTS))
@pytest.mark.parametrize("ahead", [0, 1, 127, 900])
@pytest.mark.parametrize("repeats", [True, False])
def test_each_client_is_found_and_gets_its_file(kind: str, ahead: int, repeats: bool) -> None:
    size = 3000 * BLOCK + 5
    client = begun(kind, size, 1000 + ahead, repeats)
    if not repeats and kind not in SILENT:
        client.repeats_s = None  # the taker's word alone is enough, where it is answered
    sender, ended = played(download(size, 1000, counts_on=kind in WITH_TIMEOUT), client, None, Wire(), 1)
    assert (client.complete, bytes(client.got)) == (True, content_of(size))
    assert sender.found
    assert ended < 120


def test_a_client_whose_patience_any_block_begins_anew_is_left_in_peace() -> None:
    """In a file of more than 65535 blocks it is not swept for: it speaks when nothing has come for 5 s."""
    size, known = 70_000 * BLOCK, 64_000
    client = begun("tftp-hpa", size, known + 250)
    _, ended = played(download(size, known), client, 1000, Wire(fixed=True), 1)
    assert (client.complete, bytes(client.got)) == (True, content_of(size))
    assert ended < 2 * 0.01 * (70_000 - known) + 20


@pytest.mark.parametrize("kind", ["curl", "grub", "pxelinux"])
@pytest.mark.parametrize(("known", "have"), [
    (65_408, 65_600), (131_000, 131_071),
    *(pytest.param(*one, marks=pytest.mark.long)
      for one in ((65_408, 65_500), (65_536, 65_560), (131_000, 131_100))),
])  # fmt: skip
def test_numbers_that_begin_anew(kind: str, known: int, have: int) -> None:
    """Also for GRUB, which takes any later number for the next one: it is not spoken to near the turn."""
    size = 131_200 * BLOCK + 3
    client = begun(kind, size, have, repeats=kind != "grub")
    reach = 1000
    sender, _ = played(download(size, known, counts_on=kind == "curl"), client, reach, Wire(fixed=True), 1)
    assert client.got == content_of(size)[:len(client.got)]
    near = known % 65_536 + reach >= 65_535
    assert client.complete is ((kind == "curl" and (known > 65_535 or have < 65_536)) or not near)
    assert sender.found is client.complete


def test_a_bound_is_needed_where_numbers_come_twice() -> None:
    one = download(70_000 * BLOCK, 100, counts_on=True)
    assert [one.resolve(200, reach) for reach in (None, 50, 100, 70_000)] == [None, None, 200, None]
    assert one.resolve(99, 65_000) is None, "a late copy of an older one, not the next round's"
    assert not Sender(one, reach=None, now=0, pace_s=PACE_S).may_speak_first
    assert Sender(one, reach=900, now=0, pace_s=PACE_S).may_speak_first
    short = download(60_000 * BLOCK, 100)
    assert [short.resolve(number, None) for number in (200, 99, 60_002)] == [200, None, None]


def test_nobody_is_spoken_to_who_has_said_nothing_or_has_all() -> None:
    """A client that waits for an OACK would take the first block for one of 512 bytes."""
    one = download(100 * BLOCK, 50)
    assert Sender(one, reach=None, now=0, pace_s=PACE_S).may_speak_first
    for other in (replace(one, confirmed=False), replace(one, server_port=0), one.at(101)):
        sender = Sender(other, reach=None, now=0, pace_s=PACE_S)
        assert (sender.may_speak_first, sender.due(0), sender.phase) == (False, None, Phase.OVER)


def sent(sender: Sender, until_s: float) -> list[tuple[float, int]]:
    """What is said without an answer."""
    found, now = [], 0.0
    while not sender.over and now <= until_s:
        block = sender.due(now)
        if block is not None:
            found.append((round(now, 3), block))
        now = max(sender.wake_at, now + 1e-9)
    return found


def test_without_an_answer_it_sweeps_and_then_gives_up() -> None:
    sender = Sender(download(100_000, 100), reach=None, now=0, pace_s=PACE_S)
    said = sent(sender, 1000)
    assert [block for _, block in said[:4]] == [101] * 4
    assert [block for at, block in said if at < 2.5][4:20] == list(range(101, 117))
    assert max(block for _, block in said) == 100 + SWEEP_BLOCKS
    assert said[-1][0] <= LISTEN_S < 1000
    assert sender.phase is Phase.OVER
    assert not sender.found
    gaps = [second - first for (first, _), (second, _) in itertools.pairwise(said)]
    assert min(gaps) >= PACE_S - 1e-3


def test_a_client_that_counts_in_its_own_way_is_not_swept_for_behind_65535() -> None:
    sender = Sender(download(70_000 * BLOCK, 100), reach=900, now=0, pace_s=PACE_S)
    assert {block for _, block in sent(sender, 1000)} == {101}


@pytest.mark.parametrize(("event", "found"), [("gone", False), ("last", True)])
def test_it_ends_with_the_client(event: str, found: bool) -> None:
    sender = Sender(download(100 * BLOCK, 50), reach=None, now=0, pace_s=PACE_S)
    assert sender.due(0) == 51
    act: Callable[[], object] = sender.gone if event == "gone" else lambda: sender.heard(101, 0.1)
    act()
    assert (sender.over, sender.found, sender.due(9)) == (True, found, None)


def test_an_acknowledgement_that_comes_twice_sends_nothing_twice() -> None:
    """The sorcerer's apprentice (RFC 1123 section 4.2.3.1)."""
    sender = Sender(download(100 * BLOCK, 50), reach=None, now=0, pace_s=PACE_S)
    assert sender.heard(60, 0.0)
    assert sender.due(0.0) == 61
    assert sender.heard(61, 0.1)
    assert sender.due(0.1) == 62
    assert not sender.heard(61, 0.1)
    assert not sender.heard(60, 0.1)
    assert sender.due(0.1) is None
    assert sender.due(sender.wake_at) == 62


@pytest.mark.parametrize("counts_on", [False, True])
def test_block_65535_is_repeated_only_to_a_client_that_asks_for_it(counts_on: bool) -> None:
    """GRUB and iPXE would take a second one for a block of the next round."""
    one = download(70_000 * BLOCK, 65_500, counts_on=counts_on)
    sender = Sender(one, reach=100, now=0, pace_s=PACE_S)
    assert sender.heard(65_534, 0.0)
    assert sender.due(0.0) == 65_535
    now = sender.wake_at
    assert sender.due(now) == (65_535 if counts_on else None)
    assert not sender.heard(65_534, now)
    assert sender.due(sender.wake_at) == 65_535
    sender.heard(65_535, now)
    assert [sender.due(sender.wake_at), sender.due(sender.wake_at)] == [65_536] * 2


@pytest.mark.parametrize(("agreed_s", "first"), [(0.0, [0.5, 1, 2, 4, 8, 8]), (0.01, [0.01, 0.02, 0.04]),
                                                  (6.0, [6, 8, 8, 8]), (255.0, [8, 8, 8])])
def test_a_block_is_repeated_as_agreed(agreed_s: float, first: list[float]) -> None:
    pauses = retransmit_pauses(agreed_s)
    assert list(pauses[:len(first)]) == first
    assert RETRANSMIT_FOR_S <= sum(pauses) <= RETRANSMIT_FOR_S + 8
    one = replace(download(800, 5), terms=Terms(BLOCK, None, agreed_s))
    sender = Sender(one, reach=None, now=0, pace_s=PACE_S)
    sender.heard(5, 0.0)
    said = sent(sender, 1000)
    assert [block for _, block in said] == [6] * len(pauses)
    assert said[1][0] == pytest.approx(pauses[0])
