"""When does a server hear its LAN? Hosts are stand-ins, time is virtual."""

from __future__ import annotations

import random
from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network

import pytest
from twinboot.agent.lan.reachability import LanReachability

NET = IPv4Network("192.168.0.0/24")
OWN, PEER, ROUTER, HOST = (NET[last] for last in (251, 252, 1, 77))
VIP, FAR = NET[253], IPv4Address("10.9.9.9")
MAC = bytes.fromhex("525400000001")
DEADTIME_S, TICK_S = 1.0, 0.25


class Lan:
    """answer: hosts that answer when asked. talk: who is overheard in each tick."""

    def __init__(self) -> None:
        self.answer: set[IPv4Address] = set()
        self.talk: list[IPv4Address | None] = []
        self.loss = 0.0
        self.draw = random.Random(1)
        self.now = 100.0
        self.asked: list[tuple[IPv4Address, bytes | None]] = []
        self.told: list[tuple[float, bool]] = []
        self.sense = LanReachability(
            own=OWN,
            network=NET,
            initial=[PEER, ROUTER, FAR, OWN],
            excluded=frozenset([VIP]),
            deadtime_s=DEADTIME_S,
            now=self.now,
        )
        self._due: list[IPv4Address] = []

    def run(self, seconds: float, until: Callable[[bool], bool] = lambda _: False) -> float:
        """Let time pass; the seconds until the condition held of what is heard."""
        begun = self.now
        while self.now < begun + seconds:
            self.now += TICK_S * 1.01  # a loop is never early
            for address in self._due:
                self.sense.answered(address, MAC, self.now)
            if self.sense.unanswered(self.now):
                for speaker in self.talk:
                    if self.draw.random() >= self.loss:
                        self.sense.overheard(speaker, self.now)
            questions = self.sense.requests_due(self.now)
            whole = (1 - self.loss) ** 2  # there and back
            self._due = [
                address for address, _ in questions
                if address in self.answer and self.draw.random() < whole
            ]
            self.asked += questions
            hears = self.sense.reachable(self.now)
            self.told.append((self.now, hears))
            if until(hears):
                break
        return self.now - begun

    def always(self, hears: bool) -> bool:
        return all(told is hears for _, told in self.told)


def test_a_lan_that_answers_is_heard_with_few_questions() -> None:
    lan = Lan()
    lan.answer = {ROUTER}
    lan.run(60)
    assert lan.always(True)
    assert len(lan.asked) < 60 * 2.5
    assert lan.asked[-1] == (ROUTER, MAC), "the one that answers, and it alone"


def test_a_dead_lan_is_noticed_within_a_deadtime_and_a_bit() -> None:
    lan = Lan()
    lan.answer = {ROUTER, PEER}
    lan.run(10)
    lan.answer = set()
    took = lan.run(5, until=lambda hears: not hears)
    assert DEADTIME_S / 2 <= took <= 2 * DEADTIME_S
    lan.answer = {PEER}
    assert lan.run(5, until=lambda hears: hears) <= 2 * DEADTIME_S


def test_when_one_stops_answering_another_is_asked_in_time() -> None:
    lan = Lan()
    lan.answer = {ROUTER, PEER}
    lan.run(10)
    for _ in range(5):
        lan.answer = {ROUTER}
        lan.run(5)
        lan.answer = {PEER}
        lan.run(5)
    assert lan.always(True)


def test_a_quiet_lan_of_hosts_that_never_answer_is_good_while_they_speak() -> None:
    lan = Lan()
    lan.talk = [None]  # a DHCPDISCOVER of one that has no address
    lan.run(30)
    assert lan.always(True)
    lan.talk = []
    assert lan.run(5, until=lambda hears: not hears) <= 2 * DEADTIME_S


def test_hosts_that_answered_and_now_only_speak_do_not_hear_us() -> None:
    lan = Lan()
    lan.answer = {PEER}
    lan.run(10)
    lan.answer = set()
    lan.talk = [PEER]
    took = lan.run(10, until=lambda hears: not hears)
    assert DEADTIME_S <= took <= 5 * DEADTIME_S
    before = len(lan.told)
    lan.run(10)
    assert not any(hears for _, hears in lan.told[before:]), "and so it stays"
    lan.answer = {PEER}
    assert lan.run(10, until=lambda hears: hears) <= 2 * DEADTIME_S


def test_a_machine_that_is_overheard_is_asked_too() -> None:
    """The peer cannot hear us, but a client can: then it is not we who are tx-dead."""
    lan = Lan()
    lan.answer = {PEER}
    lan.run(10)
    lan.answer = {HOST}
    lan.talk = [PEER, HOST]
    lan.run(20)
    assert lan.always(True)
    assert (HOST, MAC) in lan.asked


def test_only_hosts_of_the_lan_are_asked_and_never_ourselves() -> None:
    lan = Lan()
    lan.talk = [FAR, OWN, VIP, None, HOST]
    lan.run(10)
    assert {address for address, _ in lan.asked} == {PEER, ROUTER, HOST}


def test_many_speakers_are_no_burden() -> None:
    lan = Lan()
    lan.talk = [NET[last] for last in range(10, 200)]
    lan.run(20)
    per_tick = len(lan.asked) / len(lan.told)
    assert per_tick <= 12
    assert lan.always(True)


def test_nobody_there_is_asked_less_and_less() -> None:
    lan = Lan()
    lan.run(10)
    before = len(lan.asked)
    lan.run(10)
    assert len(lan.asked) - before <= 10 * 2.2


@pytest.mark.parametrize("talk", [[], [PEER]], ids=["a silent LAN", "a peer that speaks"])
def test_a_lan_that_loses_a_third_of_its_frames_is_not_rx_dead_for_a_deadtime(
    talk: list[IPv4Address | None],
) -> None:
    lan = Lan()
    lan.answer = {PEER}
    lan.talk = talk
    lan.loss = 0.3
    lan.run(3600)
    rx_dead_since: float | None = None
    for at, hears in lan.told:
        rx_dead_since = None if hears else at if rx_dead_since is None else rx_dead_since
        assert rx_dead_since is None or at - rx_dead_since < DEADTIME_S


def test_after_a_sleep_there_is_time_to_answer() -> None:
    lan = Lan()
    lan.answer = {PEER}
    lan.run(10)
    lan.now += 3600
    lan._due = []
    lan.sense.reset(lan.now)
    lan.run(10)
    assert lan.always(True)
