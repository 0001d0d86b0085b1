"""What is asked before an address is taken, and what an answer means."""

from __future__ import annotations

import pytest
from coredriver import Driver, holding, peer_heartbeat, starting
from twinboot.alarms import kinds
from twinboot.core import view
from twinboot.core.effects import ClaimVip, DropVip, Log, LogLevel, SendArpProbe, StartService
from twinboot.core.events import (
    ArpProbeAnswered,
    ArpProbeFailed,
    HeartbeatReceived,
    StandbyRequested,
    Tick,
    VipClaimed,
)
from twinboot.core.model import GroupReport, GroupState


@pytest.fixture
def started() -> Driver:
    return starting()


@pytest.fixture
def alone() -> Driver:
    return holding()


def test_a_claim_without_the_others_asks_the_lan_three_times_and_listens(started: Driver) -> None:
    asked = [one for one in started.wait(5.05) if one == SendArpProbe("first")]
    assert len(asked) == 3
    assert ClaimVip("first", 3.0) not in started.wait(0.029)
    assert ClaimVip("first", 3.0) in started.wait(0.002)


@pytest.mark.parametrize(("lost", "probes"), [(0, 3), (2, 3), (3, 12)])
def test_where_the_lan_loses_heartbeats_it_is_asked_more(started: Driver, lost: int, probes: int) -> None:
    held = {"first": GroupReport(GroupState.HELD)}
    started.peer_says(8.0, groups=held)
    started.seq += lost
    started.peer_says(groups=held)
    did = started.wait(1.5)
    assert did[:did.index(ClaimVip("first", 3.0))].count(SendArpProbe("first")) == probes


def test_what_no_known_server_has_is_asked_for_all_the_same(started: Driver) -> None:
    """A server that this site file does not name may have it."""
    did = started.feed(HeartbeatReceived("lan", peer_heartbeat(1)))
    assert did == (SendArpProbe("first"),)
    assert ClaimVip("first", 3.0) in started.wait(0.1)


@pytest.mark.parametrize(("ago_s", "asked"), [(0.0, False), (0.9, False), (1.1, True)])
def test_what_a_peer_has_just_released_is_claimed_without_asking(
    started: Driver, ago_s: float, *, asked: bool
) -> None:
    started.feed(StandbyRequested(on=True, force=True))
    started.peer_says(groups={"first": GroupReport(GroupState.HELD)})
    started.peer_says(groups={"first": GroupReport(GroupState.IDLE)})
    while ago_s > 0.2:
        started.peer_says(0.2)
        ago_s -= 0.2
    did = started.feed(StandbyRequested(on=False), ago_s)
    assert (SendArpProbe("first") in did, ClaimVip("first", 3.0) in did) == (asked, not asked)


def test_a_server_that_left_in_order_is_believed_for_a_deadtime(started: Driver) -> None:
    started.feed(HeartbeatReceived("lan", peer_heartbeat(1, groups={"second": GroupReport(GroupState.HELD)})))
    assert ClaimVip("second", 3.0) in started.feed(HeartbeatReceived("lan", peer_heartbeat(2, leaving=True)))


def test_a_goodbye_before_all_was_released_is_not(started: Driver) -> None:
    held = {"second": GroupReport(GroupState.HELD)}
    started.feed(HeartbeatReceived("lan", peer_heartbeat(1, groups=held)))
    assert started.feed(HeartbeatReceived("lan", peer_heartbeat(2, groups=held, leaving=True))) == (
        SendArpProbe("second"),
    )


def test_an_address_that_answers_is_left_alone_until_it_is_silent(started: Driver) -> None:
    started.wait(5.01)
    assert started.feed(ArpProbeAnswered("first", "02:42:00:00:00:07")) == ()
    lines = [one for one in started.effects if isinstance(one, Log)]
    assert [(one.level, one.event) for one in lines] == [(LogLevel.WARNING, "split")]
    told = started.alarms(kinds.SPLIT)
    assert told.keys() == {"first"}
    assert all(fact in told["first"] for fact in ("192.168.0.253", "02:42:00:00:00:07", "server2 is silent"))
    for _ in range(5):
        did = started.wait(0.31)
        assert SendArpProbe("first") in did
        assert ClaimVip("first", 3.0) not in did
        started.feed(ArpProbeAnswered("first", "02:42:00:00:00:07"))
        assert not [one for one in started.effects if isinstance(one, Log)], "said once"
    assert started.state.groups["first"].reported_state is GroupState.IDLE
    assert ClaimVip("first", 3.0) in started.wait(0.5)
    assert not started.alarms(kinds.SPLIT)


def test_a_round_waits_for_its_last_probe_however_late_it_was_sent(started: Driver) -> None:
    """We were slow for less than what makes a round begin anew: an answer still comes in time."""
    started.wait(5.001)
    did = started.feed(Tick(), after_s=0.09)
    assert SendArpProbe("first") in did
    assert ClaimVip("first", 3.0) not in did
    assert SendArpProbe("first") in started.wait(0.021)
    assert ClaimVip("first", 3.0) not in started.wait(0.038)
    assert ClaimVip("first", 3.0) in started.wait(0.002)


def test_a_split_ends_when_the_holder_is_heard(started: Driver) -> None:
    started.wait(5.01)
    started.feed(ArpProbeAnswered("first", "02:42:00:00:00:07"))
    started.feed(HeartbeatReceived("lan", peer_heartbeat(1, groups={"first": GroupReport(GroupState.HELD)})))
    assert "split-over" in [one.event for one in started.effects if isinstance(one, Log)]
    assert started.group() is GroupState.IDLE


def test_a_probe_of_another_while_the_kernel_lets_us_wait_takes_the_claim_back(started: Driver) -> None:
    started.wait(5.081)
    assert DropVip("first") in started.feed(
        ArpProbeAnswered("first", "02:42:00:00:00:07", simultaneous_probe=True)
    )


def test_the_address_turns_out_to_be_taken_just_when_it_is_up(started: Driver) -> None:
    started.wait(5.081)
    started.feed(VipClaimed("first"))
    probe = ArpProbeAnswered("first", "02:42:00:00:00:07", simultaneous_probe=True)
    assert not started.feed(probe), "our kernel answers it"
    assert DropVip("first") in started.feed(ArpProbeAnswered("first", "02:42:00:00:00:07"))


def test_late_answers_do_not_touch_what_is_held(alone: Driver) -> None:
    assert alone.feed(ArpProbeAnswered("first", "02:42:00:00:00:07")) == ()
    assert alone.group() is GroupState.HELD


def test_a_round_that_was_slept_through_is_done_again(started: Driver) -> None:
    started.wait(5.05)
    did = started.feed(Tick(), after_s=0.3)
    assert SendArpProbe("first") in did
    assert ClaimVip("first", 3.0) not in did


def test_a_lan_that_cannot_be_asked_bars_the_group_and_is_said_once(started: Driver) -> None:
    started.wait(5.0)
    started.feed(ArpProbeFailed("first", "no carrier"))
    said = [one.event for one in started.effects if isinstance(one, Log)]
    assert "group-claim-failed" in said
    assert not view(started.state, started.now).groups["first"].eligible
    assert ClaimVip("first", 3.0) not in started.wait(0.9)
    started.wait(0.11)
    started.feed(ArpProbeFailed("first", "no carrier"))
    assert "group-claim-failed" not in [one.event for one in started.effects if isinstance(one, Log)]
    told = started.alarms(kinds.CLAIM_NOT_PROBED)
    assert told.keys() == {"first"}
    assert "no carrier" in told["first"]
    assert ClaimVip("first", 3.0) in started.wait(1.2)
    assert not started.alarms(kinds.CLAIM_NOT_PROBED)


def test_another_that_asks_too_goes_first_and_is_no_split(started: Driver) -> None:
    started.wait(5.01)
    assert started.feed(ArpProbeAnswered("first", "02:42:00:00:00:07", simultaneous_probe=True)) == ()
    assert not started.alarms(kinds.SPLIT)
    assert ClaimVip("first", 3.0) not in started.wait(0.3)
    assert ClaimVip("first", 3.0) in started.wait(0.081)


@pytest.mark.parametrize(("lived_on", "wait_s"), [(True, 0.6), (False, 0.0)])
def test_where_a_kernel_lived_on_its_dhcpd_gets_the_time_of_its_guard(
    started: Driver, lived_on: bool, wait_s: float
) -> None:
    """It ends by itself when the address has gone there; two would answer if ours came sooner."""
    started.wait(5.01)
    if lived_on:
        started.feed(ArpProbeAnswered("first", "02:42:00:00:00:07"))
    while ClaimVip("first", 3.0) not in started.wait(0.05):
        pass
    did = started.feed(VipClaimed("first"))
    assert (StartService("dhcpd") in did) is not lived_on
    if lived_on:
        assert StartService("dhcpd") not in started.wait(wait_s - 0.01)
        assert StartService("dhcpd") in started.wait(0.02)


@pytest.mark.parametrize(("silent_s", "waits"), [(0.0, False), (3.0, True), (8.0, False)])
def test_where_an_address_has_just_expired_dhcpd_gets_the_time_of_its_guard(
    started: Driver, silent_s: float, waits: bool
) -> None:
    """The LAN could not be asked while the other's kernel still had the address: its dhcpd may live on."""
    started.feed(HeartbeatReceived("lan", peer_heartbeat(1, groups={"first": GroupReport(GroupState.HELD)})))
    begun = started.now
    while started.now < begun + silent_s:
        if SendArpProbe("first") in started.wait(0.05):
            started.feed(ArpProbeFailed("first", "no carrier"))
    while ClaimVip("first", 3.0) not in started.wait(0.01):
        pass
    assert (StartService("dhcpd") in started.feed(VipClaimed("first"))) is not waits
    if waits:
        assert StartService("dhcpd") not in started.wait(0.55)
        assert StartService("dhcpd") in started.wait(0.1)
