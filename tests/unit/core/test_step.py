"""Single steps of one core: what it asks for, in which order."""

from __future__ import annotations

import pytest
from coredriver import Driver, holding, peer_heartbeat, starting
from twinboot.core import next_deadline, standby_refusal, step, view
from twinboot.core.effects import (
    AnnounceVip,
    ClaimVip,
    DropVip,
    Exit,
    RenewVip,
    SendArpProbe,
    SendHeartbeat,
    StartService,
    StopService,
)
from twinboot.core.events import (
    HeartbeatReceived,
    LeaveRequested,
    ServiceObserved,
    StandbyRequested,
    Tick,
    VipClaimed,
    VipClaimFailed,
    VipDropFailed,
    VipDropped,
    VipObserved,
)
from twinboot.core.model import GroupReport, GroupState, Heartbeat, LastHeard, ServiceState


@pytest.fixture
def started() -> Driver:
    return starting()


@pytest.fixture
def alone() -> Driver:
    return holding()


def test_the_first_act_is_to_drop_what_was_left_behind() -> None:
    driver = Driver()
    assert driver.requested() == (DropVip("first"), DropVip("second"), StopService("dhcpd"))
    assert isinstance(driver.effects[-1], SendHeartbeat)


def test_nothing_is_claimed_while_starting(started: Driver) -> None:
    assert not [one for one in started.wait(4.9) if isinstance(one, ClaimVip)]
    assert view(started.state, started.now).state == "starting"


def test_the_address_is_announced_and_then_served(started: Driver) -> None:
    started.wait(5.1)
    assert started.feed(VipClaimed("first")) == (
        SendArpProbe("first"), AnnounceVip("first"), StartService("dhcpd"),
    )


def test_a_held_address_is_renewed_three_times_in_its_lifetime(alone: Driver) -> None:
    assert sum(one == RenewVip("first", 3.0) for one in alone.wait(30.0)) in (29, 30, 31)


def test_waking_up_drops_before_all_else(alone: Driver) -> None:
    did = alone.feed(Tick(), after_s=3.1)
    assert did == (DropVip("first"), DropVip("second"), StopService("dhcpd"))
    alone.feed(VipDropped("first"))
    alone.feed(VipDropped("second"))
    assert not [one for one in alone.wait(0.9) if isinstance(one, ClaimVip)]
    assert [one for one in alone.wait(0.2) if isinstance(one, ClaimVip)]


def test_a_short_stall_declares_nobody_dead(started: Driver) -> None:
    started.feed(HeartbeatReceived("lan", peer_heartbeat(1)))
    assert view(started.state, started.now).peers["server2"].state.value == "alive"
    started.feed(Tick(), after_s=2.0)
    assert view(started.state, started.now).peers["server2"].state.value == "alive"
    started.wait(1.0)
    assert view(started.state, started.now).peers["server2"].state.value == "dead"


def test_an_address_that_vanished_is_put_back_and_announced(alone: Driver) -> None:
    assert alone.feed(VipObserved("first", present=False)) == (SendArpProbe("first"),)
    assert ClaimVip("first", 3.0) in alone.wait(0.081)
    assert alone.feed(VipClaimed("first")) == (SendArpProbe("first"), AnnounceVip("first"))
    assert alone.state.services["dhcpd"].wanted


def test_an_address_that_is_not_held_is_dropped(started: Driver) -> None:
    assert DropVip("second") in started.feed(VipObserved("second", present=True))
    assert started.group("second") is GroupState.RELEASING


def test_a_failed_claim_bars_the_group_for_a_while(started: Driver) -> None:
    started.wait(5.1)
    assert DropVip("first") in started.feed(VipClaimFailed("first", "no"))
    started.feed(VipDropped("first"))
    assert not view(started.state, started.now).groups["first"].eligible
    assert [one for one in started.wait(1.1) if isinstance(one, ClaimVip)] == [ClaimVip("first", 3.0)]


def test_a_claim_that_is_never_answered_counts_as_failed(started: Driver) -> None:
    started.wait(5.1)
    assert DropVip("first") in started.wait(2.1)
    assert started.group() is GroupState.RELEASING


def test_a_failed_drop_is_repeated_and_ends_with_the_kernels_lifetime(alone: Driver) -> None:
    alone.feed(HeartbeatReceived("lan", peer_heartbeat(1)))
    alone.feed(StandbyRequested(on=True, force=True))
    drops = 0
    for _ in range(30):
        drops += sum(one == DropVip("second") for one in alone.wait(0.2))
        alone.feed(VipDropFailed("second", "no"))
    assert drops >= 3
    assert alone.group("second") is GroupState.IDLE


def test_a_refused_drop_is_repeated_sooner_than_one_without_an_answer(alone: Driver) -> None:
    alone.feed(HeartbeatReceived("lan", peer_heartbeat(1)))
    assert DropVip("second") in alone.feed(StandbyRequested(on=True, force=True))
    assert DropVip("second") not in alone.wait(0.2)
    alone.feed(VipDropFailed("second", "no"))
    assert DropVip("second") in alone.wait(0.11)
    alone.feed(VipDropFailed("second", "no"))
    assert DropVip("second") not in alone.wait(0.11), "each pause is twice as long"
    assert DropVip("second") in alone.wait(0.1)


def test_a_late_claim_is_taken_back(started: Driver) -> None:
    assert DropVip("first") in started.feed(VipClaimed("first"))


def test_a_release_stops_the_service_first(alone: Driver) -> None:
    alone.feed(ServiceObserved("dhcpd", ServiceState.RUNNING))
    alone.feed(HeartbeatReceived("lan", peer_heartbeat(1)))
    assert alone.feed(StandbyRequested(on=True)) == (StopService("dhcpd"), DropVip("second"))
    assert alone.feed(ServiceObserved("dhcpd", ServiceState.STOPPED)) == (DropVip("first"),)


def test_a_service_that_will_not_stop_holds_the_release_up_for_a_second(alone: Driver) -> None:
    alone.feed(ServiceObserved("dhcpd", ServiceState.RUNNING))
    alone.feed(HeartbeatReceived("lan", peer_heartbeat(1)))
    alone.feed(StandbyRequested(on=True))
    assert DropVip("first") not in alone.wait(0.95)
    assert DropVip("first") in alone.wait(0.1)


def test_a_conflict_drops_the_address_before_the_service(started: Driver) -> None:
    started.wait(5.1)
    started.feed(VipClaimed("second"))
    held = {"second": GroupReport(GroupState.HELD)}
    assert DropVip("second") in started.feed(HeartbeatReceived("lan", peer_heartbeat(1, groups=held)))


def test_the_service_waits_for_its_stop_elsewhere(started: Driver) -> None:
    started.feed(HeartbeatReceived("lan", peer_heartbeat(1)))
    stopping = {"first": GroupReport(GroupState.IDLE, {"dhcpd": ServiceState.STOPPING})}
    started.feed(HeartbeatReceived("lan", peer_heartbeat(2, groups=stopping)))
    started.wait(0.1)
    assert StartService("dhcpd") not in started.feed(VipClaimed("first"))
    assert StartService("dhcpd") not in started.wait(0.3)
    stopped = {"first": GroupReport(GroupState.IDLE, {"dhcpd": ServiceState.STOPPED})}
    assert StartService("dhcpd") in started.feed(HeartbeatReceived("lan", peer_heartbeat(3, groups=stopped)))


def test_the_service_does_not_wait_for_a_stop_elsewhere_that_nobody_can_confirm(started: Driver) -> None:
    started.peer_says()
    stopping = {"first": GroupReport(GroupState.IDLE, {"dhcpd": ServiceState.STOPPING})}
    started.peer_says(groups=stopping)
    started.wait(0.1)
    started.feed(VipClaimed("first"))
    assert StartService("dhcpd") not in started.peer_says(0.6, groups=stopping)
    assert StartService("dhcpd") in started.peer_says(0.2, groups=stopping), (
        "its guard has stopped it by then"
    )


def test_standby_is_refused_when_nobody_could_take_over(alone: Driver) -> None:
    assert standby_refusal(alone.state) == "no other server could take group first"
    alone.feed(StandbyRequested(on=True))
    assert not alone.state.standby
    alone.feed(HeartbeatReceived("lan", peer_heartbeat(1)))
    assert standby_refusal(alone.state) is None


def test_leaving_hands_over_says_goodbye_and_exits(alone: Driver) -> None:
    alone.feed(LeaveRequested())
    assert Exit() not in alone.feed(ServiceObserved("dhcpd", ServiceState.STOPPED))
    alone.feed(VipDropped("second"))
    alone.feed(VipDropped("first"))
    last = [one for one in alone.effects if isinstance(one, SendHeartbeat | Exit)]
    assert last[-1] == Exit()
    assert [one.heartbeat.leaving for one in last if isinstance(one, SendHeartbeat)] == [True, True]
    assert next_deadline(alone.state) is None
    assert step(alone.state, Tick(), alone.now + 1) == (alone.state, ())


def test_leaving_takes_three_seconds_at_most(alone: Driver) -> None:
    alone.feed(LeaveRequested())
    assert Exit() in alone.wait(3.0)


@pytest.mark.parametrize(
    "heartbeat",
    [
        Heartbeat("c", "foreign", 5, 1),
        Heartbeat("another", "server2", 5, 1),
        Heartbeat("c", "server1", 5, 1),
        peer_heartbeat(1, groups={"unknown": GroupReport(GroupState.HELD)}, eligible=("unknown",)),
        peer_heartbeat(1, heard={"x": LastHeard(0, 0)}),
    ],
)
def test_what_a_peer_sends_never_raises(alone: Driver, heartbeat: Heartbeat) -> None:
    alone.feed(HeartbeatReceived("lan", heartbeat))
    alone.feed(HeartbeatReceived("no such link", heartbeat))
    assert alone.group() is GroupState.HELD


def test_events_of_unknown_groups_and_services_are_ignored(alone: Driver) -> None:
    alone.feed(VipClaimed("unknown"))
    alone.feed(ServiceObserved("unknown", ServiceState.RUNNING))
    assert alone.group() is GroupState.HELD


def test_news_goes_out_at_once(alone: Driver) -> None:
    alone.feed(HeartbeatReceived("lan", peer_heartbeat(1)))
    alone.feed(StandbyRequested(on=True))
    sent = [one.heartbeat for one in alone.effects if isinstance(one, SendHeartbeat)]
    assert [one.standby for one in sent] == [True]
