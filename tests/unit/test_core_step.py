"""Single steps of one core: what it asks for, in which order."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from twinboot.core import State, initial, next_deadline, standby_refusal, step, view
from twinboot.core.effects import (
    Announce,
    ClaimVip,
    DropVip,
    Effect,
    Exit,
    Level,
    Log,
    Probe,
    RenewVip,
    Send,
    StartService,
    StopService,
)
from twinboot.core.events import (
    Event,
    LeaveAsked,
    ProbeAnswered,
    ProbeFailed,
    Received,
    ServiceObserved,
    StandbyAsked,
    Tick,
    VipClaimed,
    VipClaimFailed,
    VipDropFailed,
    VipDropped,
    VipObserved,
)
from twinboot.core.model import (
    ClusterConfig,
    GroupConfig,
    GroupReport,
    GroupState,
    Heard,
    Heartbeat,
    ServiceState,
)

CONFIG = ClusterConfig(
    "c", "server1", ("server1", "server2"),
    (GroupConfig("first", ("server1", "server2"), ("dhcpd",)), GroupConfig("second", ("server2", "server1"))),
    ("lan",),
)


@dataclass
class Driver:
    """One core and its clock; keeps the effects of the last step."""

    now: float = 0.0
    effects: tuple[Effect, ...] = ()
    state: State = field(init=False)

    def __post_init__(self) -> None:
        self.state, self.effects = initial(CONFIG, 11, self.now)

    def feed(self, event: Event, after_s: float = 0.0) -> tuple[Effect, ...]:
        self.now += after_s
        self.state, self.effects = step(self.state, event, self.now)
        return self.did()

    def did(self) -> tuple[Effect, ...]:
        return tuple(one for one in self.effects if not isinstance(one, Send | Log))

    def wait(self, seconds: float) -> tuple[Effect, ...]:
        """Tick at every deadline, as the agent does."""
        end, found = self.now + seconds, ()
        while (at := next_deadline(self.state)) is not None and at <= end:
            self.now = at
            found += self.feed(Tick())
        self.now = end
        return found

    def group(self, name: str = "first") -> GroupState:
        return self.state.groups[name].state


def beat(seq: int, **more: object) -> Heartbeat:
    values: dict[str, object] = {
        "groups": {}, "eligible": ("first", "second"),
        "heard": {"server1": Heard(11, 10**6, ("lan",))}, **more,
    }
    return Heartbeat("c", "server2", 22, seq, **values)  # type: ignore[arg-type]


@pytest.fixture
def started() -> Driver:
    """Nothing is left over; the start is not over yet."""
    driver = Driver()
    for name in ("first", "second"):
        driver.feed(VipDropped(name))
    driver.feed(ServiceObserved("dhcpd", ServiceState.STOPPED))
    return driver


@pytest.fixture
def alone(started: Driver) -> Driver:
    """The other server never came; both groups are held."""
    claims = started.wait(5.1)
    assert [one.group for one in claims if isinstance(one, ClaimVip)] == ["first", "second"]
    started.feed(VipClaimed("first"))
    started.feed(VipClaimed("second"))
    started.feed(ServiceObserved("dhcpd", ServiceState.RUNNING))
    started.wait(11.0)
    return started


def test_the_first_act_is_to_drop_what_was_left_behind() -> None:
    driver = Driver()
    assert driver.did() == (DropVip("first"), DropVip("second"), StopService("dhcpd"))
    assert isinstance(driver.effects[-1], Send)


def test_nothing_is_claimed_while_starting(started: Driver) -> None:
    assert not [one for one in started.wait(4.9) if isinstance(one, ClaimVip)]
    assert view(started.state, started.now).state == "starting"


def test_the_address_is_announced_and_then_served(started: Driver) -> None:
    started.wait(5.1)
    assert started.feed(VipClaimed("first")) == (
        Probe("first"), Announce("first"), StartService("dhcpd"),
    )


def test_a_held_address_is_renewed_three_times_a_lease(alone: Driver) -> None:
    assert sum(one == RenewVip("first", 3.0) for one in alone.wait(30.0)) in (29, 30, 31)


def test_waking_up_drops_before_all_else(alone: Driver) -> None:
    did = alone.feed(Tick(), after_s=3.1)
    assert did == (DropVip("first"), DropVip("second"), StopService("dhcpd"))
    alone.feed(VipDropped("first"))
    alone.feed(VipDropped("second"))
    assert not [one for one in alone.wait(0.9) if isinstance(one, ClaimVip)]
    assert [one for one in alone.wait(0.2) if isinstance(one, ClaimVip)]


def test_a_short_stall_declares_nobody_dead(started: Driver) -> None:
    started.feed(Received("lan", beat(1)))
    assert view(started.state, started.now).peers["server2"].state.value == "alive"
    started.feed(Tick(), after_s=2.0)
    assert view(started.state, started.now).peers["server2"].state.value == "alive"
    started.wait(1.0)
    assert view(started.state, started.now).peers["server2"].state.value == "dead"


def test_an_address_that_vanished_is_put_back_and_announced(alone: Driver) -> None:
    assert alone.feed(VipObserved("first", present=False)) == (Probe("first"),)
    assert ClaimVip("first", 3.0) in alone.wait(0.081)
    assert alone.feed(VipClaimed("first")) == (Probe("first"), Announce("first"))
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
    alone.feed(Received("lan", beat(1)))
    alone.feed(StandbyAsked(on=True, force=True))
    drops = 0
    for _ in range(30):
        drops += sum(one == DropVip("second") for one in alone.wait(0.2))
        alone.feed(VipDropFailed("second", "no"))
    assert drops >= 3
    assert alone.group("second") is GroupState.IDLE


def test_a_late_claim_is_taken_back(started: Driver) -> None:
    assert DropVip("first") in started.feed(VipClaimed("first"))


def test_a_release_stops_the_service_first(alone: Driver) -> None:
    alone.feed(ServiceObserved("dhcpd", ServiceState.RUNNING))
    alone.feed(Received("lan", beat(1)))
    assert alone.feed(StandbyAsked(on=True)) == (StopService("dhcpd"), DropVip("second"))
    assert alone.feed(ServiceObserved("dhcpd", ServiceState.STOPPED)) == (DropVip("first"),)


def test_a_service_that_will_not_stop_holds_the_release_up_for_a_second(alone: Driver) -> None:
    alone.feed(ServiceObserved("dhcpd", ServiceState.RUNNING))
    alone.feed(Received("lan", beat(1)))
    alone.feed(StandbyAsked(on=True))
    assert DropVip("first") not in alone.wait(0.95)
    assert DropVip("first") in alone.wait(0.1)


def test_a_conflict_drops_the_address_before_the_service(started: Driver) -> None:
    started.wait(5.1)
    started.feed(VipClaimed("second"))
    held = {"second": GroupReport(GroupState.HELD)}
    assert DropVip("second") in started.feed(Received("lan", beat(1, groups=held)))


def test_the_service_waits_for_its_stop_elsewhere(started: Driver) -> None:
    started.feed(Received("lan", beat(1)))
    stopping = {"first": GroupReport(GroupState.IDLE, {"dhcpd": ServiceState.STOPPING})}
    started.feed(Received("lan", beat(2, groups=stopping)))
    assert StartService("dhcpd") not in started.feed(VipClaimed("first"))
    stopped = {"first": GroupReport(GroupState.IDLE, {"dhcpd": ServiceState.STOPPED})}
    assert StartService("dhcpd") in started.feed(Received("lan", beat(3, groups=stopped)))


def test_standby_is_refused_when_nobody_could_take_over(alone: Driver) -> None:
    assert standby_refusal(alone.state) == "no other server could take group first"
    alone.feed(StandbyAsked(on=True))
    assert not alone.state.standby
    alone.feed(Received("lan", beat(1)))
    assert standby_refusal(alone.state) is None


def test_leaving_hands_over_says_goodbye_and_exits(alone: Driver) -> None:
    alone.feed(LeaveAsked())
    assert Exit() not in alone.feed(ServiceObserved("dhcpd", ServiceState.STOPPED))
    alone.feed(VipDropped("second"))
    alone.feed(VipDropped("first"))
    last = [one for one in alone.effects if isinstance(one, Send | Exit)]
    assert last[-1] == Exit()
    assert [one.heartbeat.leaving for one in last if isinstance(one, Send)] == [True, True]
    assert next_deadline(alone.state) is None
    assert step(alone.state, Tick(), alone.now + 1) == (alone.state, ())


def test_leaving_takes_three_seconds_at_most(alone: Driver) -> None:
    alone.feed(LeaveAsked())
    assert Exit() in alone.wait(3.0)


@pytest.mark.parametrize(
    "heartbeat",
    [
        Heartbeat("c", "stranger", 5, 1),
        Heartbeat("another", "server2", 5, 1),
        Heartbeat("c", "server1", 5, 1),
        beat(1, groups={"unknown": GroupReport(GroupState.HELD)}, eligible=("unknown",)),
        beat(1, heard={"x": Heard(0, 0)}),
    ],
)
def test_what_a_peer_sends_never_raises(alone: Driver, heartbeat: Heartbeat) -> None:
    alone.feed(Received("lan", heartbeat))
    alone.feed(Received("no such link", heartbeat))
    assert alone.group() is GroupState.HELD


def test_events_of_unknown_groups_and_services_are_ignored(alone: Driver) -> None:
    alone.feed(VipClaimed("unknown"))
    alone.feed(ServiceObserved("unknown", ServiceState.RUNNING))
    assert alone.group() is GroupState.HELD


def test_news_goes_out_at_once(alone: Driver) -> None:
    alone.feed(Received("lan", beat(1)))
    alone.feed(StandbyAsked(on=True))
    sent = [one.heartbeat for one in alone.effects if isinstance(one, Send)]
    assert [one.standby for one in sent] == [True]


# The LAN as witness ------------------------------------------------------------------------------


def test_a_claim_without_the_others_asks_the_lan_three_times_and_listens(started: Driver) -> None:
    asked = [one for one in started.wait(5.05) if one == Probe("first")]
    assert len(asked) == 3
    assert ClaimVip("first", 3.0) not in started.wait(0.029)
    assert ClaimVip("first", 3.0) in started.wait(0.002)


def test_a_claim_that_all_others_agree_to_asks_nobody(started: Driver) -> None:
    did = started.feed(Received("lan", beat(1)))
    assert ClaimVip("first", 3.0) in did
    assert Probe("first") not in did


def test_a_server_that_left_in_order_is_believed_for_a_deadtime(started: Driver) -> None:
    started.feed(Received("lan", beat(1, groups={"second": GroupReport(GroupState.HELD)})))
    assert ClaimVip("second", 3.0) in started.feed(Received("lan", beat(2, leaving=True)))


def test_a_goodbye_before_all_was_released_is_not(started: Driver) -> None:
    held = {"second": GroupReport(GroupState.HELD)}
    started.feed(Received("lan", beat(1, groups=held)))
    assert started.feed(Received("lan", beat(2, groups=held, leaving=True))) == (Probe("second"),)


def test_an_address_that_answers_is_left_alone_until_it_is_silent(started: Driver) -> None:
    started.wait(5.01)
    assert started.feed(ProbeAnswered("first", "02:42:00:00:00:07")) == ()
    lines = [one for one in started.effects if isinstance(one, Log)]
    assert [(one.level, one.event) for one in lines] == [(Level.WARNING, "split")]
    alarms = view(started.state, started.now).alarms
    why = "although server2 is silent on every link"
    assert f"split: first is still answered by 02:42:00:00:00:07 {why}" in alarms
    for _ in range(5):
        did = started.wait(0.31)
        assert Probe("first") in did
        assert ClaimVip("first", 3.0) not in did
        started.feed(ProbeAnswered("first", "02:42:00:00:00:07"))
        assert not [one for one in started.effects if isinstance(one, Log)], "said once"
    assert started.state.groups["first"].told is GroupState.IDLE
    assert ClaimVip("first", 3.0) in started.wait(0.4)
    assert not [one for one in view(started.state, started.now).alarms if one.startswith("split")]


def test_a_split_ends_when_the_holder_is_heard(started: Driver) -> None:
    started.wait(5.01)
    started.feed(ProbeAnswered("first", "02:42:00:00:00:07"))
    started.feed(Received("lan", beat(1, groups={"first": GroupReport(GroupState.HELD)})))
    assert "split-over" in [one.event for one in started.effects if isinstance(one, Log)]
    assert started.group() is GroupState.IDLE


def test_a_probe_of_another_while_the_kernel_lets_us_wait_takes_the_claim_back(started: Driver) -> None:
    started.wait(5.081)
    assert DropVip("first") in started.feed(ProbeAnswered("first", "02:42:00:00:00:07", only_asks=True))


def test_the_address_turns_out_to_be_taken_just_when_it_is_up(started: Driver) -> None:
    started.wait(5.081)
    started.feed(VipClaimed("first"))
    probe = ProbeAnswered("first", "02:42:00:00:00:07", only_asks=True)
    assert not started.feed(probe), "our kernel answers it"
    assert DropVip("first") in started.feed(ProbeAnswered("first", "02:42:00:00:00:07"))


def test_late_answers_do_not_touch_what_is_held(alone: Driver) -> None:
    assert alone.feed(ProbeAnswered("first", "02:42:00:00:00:07")) == ()
    assert alone.group() is GroupState.HELD


def test_a_round_that_was_slept_through_is_done_again(started: Driver) -> None:
    started.wait(5.05)
    did = started.feed(Tick(), after_s=0.3)
    assert Probe("first") in did
    assert ClaimVip("first", 3.0) not in did


def test_a_lan_that_cannot_be_asked_bars_the_group_and_is_said_once(started: Driver) -> None:
    started.wait(5.0)
    started.feed(ProbeFailed("first", "no carrier"))
    said = [one.event for one in started.effects if isinstance(one, Log)]
    assert "group-claim-failed" in said
    assert not view(started.state, started.now).groups["first"].eligible
    assert ClaimVip("first", 3.0) not in started.wait(0.9)
    started.wait(0.11)
    started.feed(ProbeFailed("first", "no carrier"))
    assert "group-claim-failed" not in [one.event for one in started.effects if isinstance(one, Log)]
    assert "group first cannot be claimed here: no carrier" in view(started.state, started.now).alarms
    assert ClaimVip("first", 3.0) in started.wait(1.2)
    assert not [one for one in view(started.state, started.now).alarms if "cannot be claimed" in one]


def test_another_that_asks_too_goes_first_and_is_no_split(started: Driver) -> None:
    started.wait(5.01)
    assert started.feed(ProbeAnswered("first", "02:42:00:00:00:07", only_asks=True)) == ()
    assert not [one for one in view(started.state, started.now).alarms if one.startswith("split")]
    assert ClaimVip("first", 3.0) not in started.wait(0.3)
    assert ClaimVip("first", 3.0) in started.wait(0.081)
