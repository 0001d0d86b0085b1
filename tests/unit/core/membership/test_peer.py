"""The peer detector: what counts as a sign of life, and what does not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from twinboot.core.membership import peer as peers
from twinboot.core.membership.boots import FreshEcho
from twinboot.core.membership.heartbeat import last_heard
from twinboot.core.membership.peer import HeartbeatKind, LinkState, Liveness, Peer, PeerLink
from twinboot.core.model import Heartbeat, LastHeard, Timers

ECHO = FreshEcho("server1", 11, min_seq=50)
TIMERS = Timers()


def beat(
    seq: int, *, boot: int = 22, echo: int | None = 60, echo_boot: int = 11, leaving: bool = False
) -> Heartbeat:
    heard = {} if echo is None else {"server1": LastHeard(echo_boot, echo, ("lan",))}
    return Heartbeat("c", "server2", boot, seq, heard=heard, leaving=leaving)


def fresh() -> Peer:
    return Peer("server2", links={"lan": PeerLink(), "crossover": PeerLink()})


def known() -> Peer:
    got, verdict = peers.receive(fresh(), "lan", beat(10), now=1.0, echo=ECHO)
    assert verdict is HeartbeatKind.BOOT_ACCEPTED
    return replace(got, liveness=Liveness.ALIVE)


def test_a_boot_id_without_an_echo_is_a_candidate_once_unknown() -> None:
    got, verdict = peers.receive(fresh(), "lan", beat(1, echo=None), now=1.0, echo=ECHO)
    assert verdict is HeartbeatKind.FIRST_SEEN_BOOT
    assert got.boot_id is None
    got, verdict = peers.receive(got, "lan", beat(2, echo=None), now=1.2, echo=ECHO)
    assert verdict is HeartbeatKind.UNVERIFIED_BOOT
    assert last_heard(got, 0) == LastHeard(22, 2)


@pytest.mark.parametrize(("echo", "boot"), [(49, 11), (60, 12), (None, 11)])
def test_an_echo_must_be_ours_and_recent(echo: int | None, boot: int) -> None:
    got, verdict = peers.receive(fresh(), "lan", beat(1, echo=echo, echo_boot=boot), now=1.0, echo=ECHO)
    assert verdict is HeartbeatKind.FIRST_SEEN_BOOT
    assert got.boot_id is None


def test_news_proves_life_a_copy_only_its_link() -> None:
    got, verdict = peers.receive(known(), "lan", beat(11), now=2.0, echo=ECHO)
    assert (verdict, got.heard_at) == (HeartbeatKind.NEW, 2.0)
    got, verdict = peers.receive(got, "crossover", beat(11), now=2.5, echo=ECHO)
    assert (verdict, got.heard_at) == (HeartbeatKind.DUPLICATE, 2.0)
    assert got.links["crossover"].heard_at == 2.5


def test_a_repeated_or_reordered_message_is_dropped_and_harms_nobody() -> None:
    got = known()
    for seq in (10, 9):
        after, verdict = peers.receive(got, "lan", beat(seq), now=5.0, echo=ECHO)
        assert verdict is HeartbeatKind.REPLAYED
        assert after == got


def test_a_recording_from_another_link_does_not_show_that_link_up() -> None:
    got, _ = peers.receive(known(), "lan", beat(200), now=2.0, echo=ECHO)
    _, verdict = peers.receive(got, "crossover", beat(150), now=9.0, echo=ECHO)
    assert verdict is HeartbeatKind.REPLAYED


def test_a_candidate_does_not_displace_the_live_boot() -> None:
    got, verdict = peers.receive(known(), "lan", beat(999, boot=7, echo=10), now=2.0, echo=ECHO)
    assert verdict is HeartbeatKind.FIRST_SEEN_BOOT
    assert got.boot_id == 22
    mentioned = last_heard(got, 0)
    assert mentioned is not None
    assert mentioned.boot_id == 22


def test_a_restarted_peer_replaces_its_earlier_life_for_good() -> None:
    got, verdict = peers.receive(known(), "crossover", beat(1, boot=33), now=2.0, echo=ECHO)
    assert (verdict, got.boot_id, got.seq) == (HeartbeatKind.BOOT_ACCEPTED, 33, 1)
    _, verdict = peers.receive(got, "lan", beat(500), now=2.1, echo=ECHO)
    assert verdict is HeartbeatKind.REPLAYED


def test_a_goodbye_is_final() -> None:
    got, verdict = peers.receive(known(), "lan", beat(11, leaving=True), now=2.0, echo=ECHO)
    assert verdict is HeartbeatKind.LEFT
    assert got.liveness is Liveness.DEAD
    _, verdict = peers.receive(got, "lan", beat(12), now=2.1, echo=ECHO)
    assert verdict is HeartbeatKind.REPLAYED


def test_the_goodbye_of_another_life_disturbs_nobody() -> None:
    got, verdict = peers.receive(known(), "lan", beat(900, boot=7, leaving=True), now=2.0, echo=ECHO)
    assert verdict is HeartbeatKind.REPLAYED
    assert got == known()


def test_a_flood_of_boot_ids_is_bounded() -> None:
    got = fresh()
    for boot in range(1000, 3000):
        got, _ = peers.receive(got, "lan", beat(1, boot=boot, echo=None), now=1.0, echo=ECHO)
    assert len(got.unverified_boots) == peers.MAX_UNVERIFIED_BOOTS
    got, verdict = peers.receive(got, "lan", beat(1), now=1.0, echo=ECHO)
    assert verdict is HeartbeatKind.BOOT_ACCEPTED
    for boot in range(4000, 4100):
        got, _ = peers.receive(got, "lan", beat(1, boot=boot), now=1.0, echo=ECHO)
    assert len(got.retired_boots) == peers.MAX_RETIRED_BOOTS


@pytest.mark.parametrize(
    ("silent_s", "state"),
    [(0.0, LinkState.UP), (0.49, LinkState.UP), (0.5, LinkState.LATE), (0.99, LinkState.LATE),
     (1.0, LinkState.DOWN)],
)
def test_a_link_is_late_then_down(silent_s: float, state: LinkState) -> None:
    link = PeerLink(heard_at=8.0, seq=1, state=LinkState.UP)
    assert peers.link_state(link, 8.0 + silent_s, TIMERS) is state


def test_own_sleep_spares_the_peer_but_not_for_ever() -> None:
    got = known()
    assert peers.dead_at(got, TIMERS) == 2.0
    assert peers.dead_at(peers.postpone_death(got, 1.9, TIMERS), TIMERS) == 2.9
    for now in (1.9, 2.8, 3.7, 4.6, 5.0):
        got = peers.postpone_death(got, now, TIMERS)
    assert peers.dead_at(got, TIMERS) == 5.0


def test_a_peer_forgotten_is_not_proved_alive_by_what_it_sent_before() -> None:
    got, _ = peers.receive(known(), "lan", beat(20), now=2.0, echo=ECHO)
    got = peers.forget_liveness(got, 9.0)
    assert got.liveness is Liveness.UNKNOWN
    _, verdict = peers.receive(got, "lan", beat(20), now=9.1, echo=ECHO)
    assert verdict is HeartbeatKind.REPLAYED
    _, verdict = peers.receive(got, "lan", beat(21), now=9.1, echo=ECHO)
    assert verdict is HeartbeatKind.NEW
