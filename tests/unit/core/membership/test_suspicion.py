"""A suspected peer: when the LAN is asked for it, and what a death before the deadtime takes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from coredriver import CONFIG, HOLDS_FIRST, Driver, starting
from twinboot.core import next_deadline
from twinboot.core.effects import Log, SendArpRequests
from twinboot.core.events import ArpRequestAnswered, HeartbeatReceived, LinkCarrierLost, Tick
from twinboot.core.membership import suspicion
from twinboot.core.membership.peer import Liveness

ROUTER = ("192.168.0.1", bytes((2, 0, 0, 0, 1, 0)))
SUSPECT_S, DEADTIME_S = CONFIG.timers.suspect_s, CONFIG.timers.deadtime_s
ASKED_S = (suspicion.ROUNDS - 1) * suspicion.GAP_S + suspicion.LISTEN_S

Answers = Callable[[Driver, int], None]


def router(driver: Driver, _: int) -> None:
    driver.feed(ArpRequestAnswered(*ROUTER))


def peer(driver: Driver, _: int) -> None:
    driver.feed(ArpRequestAnswered("192.168.0.252", b"peer!!", "server2"))


def nobody(driver: Driver, _: int) -> None:
    pass


@pytest.fixture
def driver() -> Driver:
    """The peer holds the first group and was heard just now."""
    driver = starting()
    driver.observe_lan()
    driver.peer_says(8.0, groups=HOLDS_FIRST)
    return driver


def run(driver: Driver, seconds: float, *answers: Answers) -> tuple[list[float], float | None]:
    """Tick at every deadline; each request gets these answers. When requests went out and when the peer was
    found dead, from now on."""
    begin, asked, dead = driver.now, [], None
    while (at := next_deadline(driver.state)) is not None and at <= begin + seconds:
        driver.now = max(at, driver.now)
        for effect in driver.feed(Tick()):
            if isinstance(effect, SendArpRequests):
                asked.append(round(driver.now - begin, 6))
                for answer in answers:
                    answer(driver, len(asked))
        if dead is None and driver.state.peers["server2"].liveness is Liveness.DEAD:
            dead = round(driver.now - begin, 6)
    driver.now = begin + seconds
    return asked, dead


def test_a_silent_peer_is_asked_for_and_found_dead(driver: Driver) -> None:
    asked, dead = run(driver, 0.9, router)
    assert asked[0] == pytest.approx(SUSPECT_S)
    assert len(asked) == suspicion.ROUNDS
    assert dead == pytest.approx(SUSPECT_S + ASKED_S)


def test_it_is_asked_for_what_it_holds(driver: Driver) -> None:
    assert SendArpRequests("server2", ("first",)) in driver.wait(SUSPECT_S)


def test_the_log_says_why(driver: Driver) -> None:
    driver.feed(LinkCarrierLost("lan"))
    run(driver, 0.1, router)
    logs = []
    while not logs:
        at = next_deadline(driver.state)
        assert at is not None
        driver.now = at
        did = driver.feed(Tick())
        if any(isinstance(one, SendArpRequests) for one in did):
            router(driver, 0)
        logs = [one for one in driver.effects if isinstance(one, Log) and one.event == "peer-dead"]
    assert logs[0].fields["suspected_for"] == "no carrier on lan"
    assert logs[0].fields["lan_proven_by"] == ROUTER[0]
    assert logs[0].fields["unanswered"] >= suspicion.ROUNDS


def test_a_lost_carrier_begins_it_at_once(driver: Driver) -> None:
    assert driver.feed(LinkCarrierLost("lan")) == (SendArpRequests("server2", ("first",)),)
    _, dead = run(driver, 0.9, router)
    assert dead == pytest.approx(SUSPECT_S, abs=suspicion.LISTEN_S), "never before suspect_s of silence"


def test_a_lost_carrier_of_a_link_that_is_not_the_peers_begins_nothing(driver: Driver) -> None:
    assert driver.feed(LinkCarrierLost("cable")) == ()


def test_a_heartbeat_ends_it(driver: Driver) -> None:
    driver.feed(LinkCarrierLost("lan"))
    driver.peer_says(groups=HOLDS_FIRST)
    assert driver.state.peers["server2"].suspicion is None
    assert driver.wait(SUSPECT_S - 0.01) == ()


def test_a_replayed_heartbeat_does_not(driver: Driver) -> None:
    old = driver.state.peers["server2"].last_heartbeat
    assert old is not None
    driver.feed(LinkCarrierLost("lan"))
    driver.feed(HeartbeatReceived("lan", old))
    assert driver.state.peers["server2"].suspicion is not None


def test_while_its_kernel_answers_the_deadtime_decides(driver: Driver) -> None:
    asked, dead = run(driver, 1.5, peer, router)
    assert dead == pytest.approx(DEADTIME_S)
    assert len(asked) <= (DEADTIME_S - SUSPECT_S) / suspicion.ANSWERED_PAUSE_S + 2, "bounded rate"


def test_one_answer_of_many_is_enough(driver: Driver) -> None:
    """Every seventh request is answered: never ROUNDS in a row without an answer."""
    _, dead = run(driver, 0.99, router, lambda d, at: peer(d, at) if at % 7 == 0 else None)
    assert dead is None


def test_it_is_found_dead_when_it_stops_to_answer(driver: Driver) -> None:
    _, dead = run(driver, 0.9, router, lambda d, at: peer(d, at) if at == 1 else None)
    assert dead == pytest.approx(SUSPECT_S + suspicion.ANSWERED_PAUSE_S + ASKED_S)


def test_where_nobody_else_answers_the_deadtime_decides(driver: Driver) -> None:
    asked, dead = run(driver, 1.5, nobody)
    assert dead == pytest.approx(DEADTIME_S)
    assert len(asked) == suspicion.MAX_ROUNDS


@pytest.mark.parametrize(("every", "early"), [(1, True), (2, False), (3, False)])
def test_a_host_proves_the_lan_by_answering_nearly_always(driver: Driver, every: int, early: bool) -> None:
    _, dead = run(driver, 1.5, lambda d, at: router(d, at) if at % every == 0 else None)
    assert dead is not None
    assert (dead < DEADTIME_S) is early


def test_a_host_may_miss_one_of_eight(driver: Driver) -> None:
    _, dead = run(driver, 1.5, lambda d, at: router(d, at) if at != 3 else None)
    assert dead == pytest.approx(SUSPECT_S + ASKED_S)


def test_answers_of_several_hosts_are_not_added(driver: Driver) -> None:
    def one_of_four(driver: Driver, at: int) -> None:
        driver.feed(ArpRequestAnswered(f"192.168.0.{at % 4}", ROUTER[1]))

    assert run(driver, 1.5, one_of_four)[1] == pytest.approx(DEADTIME_S)


def test_many_answers_to_one_request_prove_no_more_than_one(driver: Driver) -> None:
    def flood(driver: Driver, at: int) -> None:
        for _ in range(100 * (at == 1)):
            router(driver, at)

    assert run(driver, 1.5, flood)[1] == pytest.approx(DEADTIME_S)


def test_without_a_carrier_of_our_own_nobody_is_found_dead(driver: Driver) -> None:
    driver.observe_lan(carrier=False)
    assert run(driver, 1.5, router)[1] == pytest.approx(DEADTIME_S)


def test_a_peer_whose_heartbeats_the_lan_loses_is_not_found_dead(driver: Driver) -> None:
    for _ in range(suspicion.MAX_LOST + 1):
        driver.seq += 1
        driver.peer_says(0.2, groups=HOLDS_FIRST)
    assert run(driver, 1.5, router)[1] == pytest.approx(DEADTIME_S)


def test_loss_is_forgotten_after_a_while(driver: Driver) -> None:
    driver.seq += 10
    driver.peer_says(0.2 * suspicion.LOSS_WINDOW, groups=HOLDS_FIRST)
    _, dead = run(driver, 1.5, router)
    assert dead is not None
    assert dead < DEADTIME_S


def test_after_a_pause_of_ours_it_is_asked_anew(driver: Driver) -> None:
    run(driver, SUSPECT_S + 0.1, router)
    driver.now += 0.2
    _, dead = run(driver, 0.9, router)
    assert dead == pytest.approx(ASKED_S)


@pytest.mark.parametrize(("advances", "lost"), [
    ([1] * 40, 0), ([2], 1), ([1, 3, 1], 2), ([40], 31), ([2, *[1] * 40], 0), ([2] * 40, 16),
])  # fmt: skip
def test_the_loss_of_a_link_is_counted_over_the_last_heartbeats(advances: list[int], lost: int) -> None:
    window = (1 << suspicion.LOSS_WINDOW) - 1
    for advance in advances:
        window = suspicion.record_received(window, advance)
    assert suspicion.lost(window) == lost


@pytest.mark.parametrize(("requests", "bound"), [(1, 2e-4), (2, 5e-6)])
@pytest.mark.parametrize("percent", range(1, 100, 3))
def test_at_no_rate_of_loss_a_live_peer_is_likely_to_be_found_dead(
    percent: int, requests: int, bound: float
) -> None:
    """The bounds in the module's docstring; requests: for the peer itself in each round."""
    n, p = suspicion.ROUNDS, percent / 100
    proven = (1 - p) ** n + n * p * (1 - p) ** (n - 1)
    assert p ** (requests * n) * proven < bound
