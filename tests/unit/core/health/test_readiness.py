"""A server says what it lacks to take over: planned moves go past it, a death does not ask."""

from __future__ import annotations

from dataclasses import replace

import pytest
from coredriver import CONFIG, Driver, holding, starting
from twinboot.alarms import kinds
from twinboot.core import standby_refusal
from twinboot.core.effects import ClaimVip, DropVip, StopService
from twinboot.core.events import LeaveRequested, ReadinessObserved, ServiceObserved, VipDropped
from twinboot.core.model import GroupState, Health, Heartbeat, Lack, LackKind, LastHeard, ServiceState
from twinboot.core.view.readiness import Readiness

WELL = {"vsftpd": Health.GOOD, "tftp": Health.GOOD}
NO_CONTAINER = (Lack("dhcpd", LackKind.CONTAINER),)
UNPLANNED = [LackKind.CONTAINER, LackKind.IMAGE, LackKind.CONFIGURATION, LackKind.ENGINE, LackKind.LEASES]


def paired(**said: object) -> Driver:
    """We hold the group; the peer is alive, and known for long."""
    driver = holding(replace(CONFIG, groups=(CONFIG.groups[0],)))
    driver.peer_says(12.0, **{"daemons": WELL, "lacks": (), **said})
    driver.observe_lan()
    return driver


def test_what_is_lacking_is_told_at_once_and_what_cannot_start_is_broken_for_every_release() -> None:
    driver = paired()
    driver.feed(ReadinessObserved(()))
    driver.feed(ReadinessObserved(NO_CONTAINER))
    told = driver.sent()
    assert [one.lacks for one in told] == [NO_CONTAINER]
    assert told[0].daemons["dhcpd"] is Health.BROKEN
    assert driver.log_events()[0] == "not-ready-to-take-over"
    driver.feed(ReadinessObserved(()))
    assert driver.log_events()[0] == "ready-to-take-over"
    assert driver.sent()[0].daemons.get("dhcpd") is not Health.BROKEN


def test_nothing_is_told_before_it_was_looked_at() -> None:
    driver = paired()
    driver.wait(0.2)
    assert [one.lacks for one in driver.sent()] == [None]
    assert driver.view().groups["first"].readiness["server1"].ready is None


@pytest.mark.parametrize("kind", UNPLANNED)
def test_standby_is_refused_while_the_taker_could_not_serve(kind: LackKind) -> None:
    driver = paired()
    assert standby_refusal(driver.state) is None
    driver.peer_says(daemons=WELL, lacks=(Lack("dhcpd", kind),))
    refusal = standby_refusal(driver.state)
    assert refusal is not None
    assert "server2" in refusal
    assert "dhcpd" in refusal
    assert "`" in refusal, "the command that mends it"


def test_trees_that_are_missing_there_alone_refuse_it_and_trees_that_are_missing_here_too_do_not() -> None:
    driver = paired()
    trees = (Lack("", LackKind.TREES),)
    driver.peer_says(daemons=WELL, lacks=trees)
    assert standby_refusal(driver.state) is not None
    driver.feed(ReadinessObserved(trees))
    assert standby_refusal(driver.state) is None


@pytest.mark.parametrize("kind", [LackKind.DOWNLOADS, LackKind.OTHER])
def test_what_would_be_served_all_the_same_does_not_refuse_it(kind: LackKind) -> None:
    driver = paired()
    driver.peer_says(daemons=WELL, lacks=(Lack("", kind),))
    assert standby_refusal(driver.state) is None
    assert driver.view().groups["first"].readiness["server2"].ready is False


def test_a_service_of_another_group_does_not_refuse_it() -> None:
    driver = paired()
    driver.peer_says(daemons=WELL, lacks=(Lack("elsewhere", LackKind.CONTAINER),))
    assert standby_refusal(driver.state) is None


def test_a_peer_of_an_older_release_that_says_its_dhcpd_is_broken_refuses_it_too() -> None:
    driver = paired()
    driver.peer_says(daemons={**WELL, "dhcpd": Health.BROKEN}, lacks=None)
    refusal = standby_refusal(driver.state)
    assert refusal is not None
    assert "dhcpd broken" in refusal


def test_an_older_release_that_says_nothing_is_believed() -> None:
    driver = paired(lacks=None)
    assert standby_refusal(driver.state) is None
    assert driver.view().groups["first"].readiness["server2"].ready is None


def home_is_server2(lacks: tuple[Lack, ...]) -> Driver:
    """We hold a group whose home is the peer."""
    group = replace(CONFIG.groups[0], order=("server2", "server1"))
    driver = holding(replace(CONFIG, groups=(group,)))
    driver.observe_lan()
    driver.effects = ()
    driver.peer_says(4.0, daemons=WELL, lacks=lacks)
    return driver


def moves(driver: Driver, seconds: float, lacks: tuple[Lack, ...]) -> bool:
    did = driver.peer_says(seconds, daemons=WELL, lacks=lacks)
    return StopService("dhcpd") in did or DropVip("first") in did


@pytest.mark.parametrize("kind", [*UNPLANNED, LackKind.TREES])
def test_failback_waits_until_the_home_server_could_serve(kind: LackKind) -> None:
    lacks = (Lack("" if kind is LackKind.TREES else "dhcpd", kind),)
    driver = home_is_server2(lacks)
    assert not moves(driver, 30.0, lacks)
    assert moves(driver, 60.0, ())


def test_a_holder_hands_over_what_it_could_not_start_any_more() -> None:
    driver = paired()
    driver.feed(ReadinessObserved(NO_CONTAINER))
    did = driver.requested() + driver.peer_says(2.0, daemons=WELL, lacks=())
    assert StopService("dhcpd") in did


def test_after_a_death_nobody_asks() -> None:
    driver = starting(replace(CONFIG, groups=(CONFIG.groups[0],)))
    driver.observe_lan()
    driver.feed(ReadinessObserved(NO_CONTAINER))
    assert ClaimVip("first", 3.0) in driver.wait(6.0), "it tries: there is no other"


def test_of_two_that_could_take_it_the_ready_one_does() -> None:
    """The first in order is not ready: the second takes the group, and the first leaves it alone."""
    driver = starting(replace(CONFIG, groups=(CONFIG.groups[0],)))
    driver.observe_lan()
    driver.feed(ReadinessObserved(NO_CONTAINER))
    assert ClaimVip("first", 3.0) not in driver.peer_says(8.0, daemons=WELL, lacks=())


def test_status_says_who_could_take_over_and_why_not() -> None:
    driver = paired()
    driver.feed(ReadinessObserved(()))
    assert driver.view().groups["first"].readiness == {
        "server1": Readiness(True), "server2": Readiness(True),
    }
    driver.peer_says(daemons={**WELL, "dhcpd": Health.BROKEN}, lacks=NO_CONTAINER)
    theirs = driver.view().groups["first"].readiness["server2"]
    assert theirs == Readiness(False, ("dhcpd: its container is gone",), "`make up` on server2")
    assert driver.view().daemons["dhcpd"].health is not Health.BROKEN


def test_a_server_that_is_not_heard_could_not_take_over() -> None:
    driver = paired()
    driver.wait(3.0)
    assert driver.view().groups["first"].readiness["server2"].ready is False


def test_both_sides_tell_the_same_alarm_and_only_one() -> None:
    driver = paired()
    driver.peer_says(daemons={**WELL, "dhcpd": Health.BROKEN}, lacks=NO_CONTAINER)
    assert driver.alarms_about("server2/dhcpd") == [(kinds.NOT_READY.code, "server2/dhcpd")]
    driver.feed(ReadinessObserved(NO_CONTAINER))
    assert (kinds.NOT_READY.code, "server1/dhcpd") in driver.alarms_about("server1/dhcpd")
    assert "make up" in driver.alarms(kinds.NOT_READY)["server1/dhcpd"]


@pytest.mark.parametrize("kind", [LackKind.ENGINE, LackKind.LEASES])
def test_what_has_an_alarm_here_is_told_by_the_others_only(kind: LackKind) -> None:
    driver, lacks = paired(), (Lack("dhcpd", kind),)
    driver.feed(ReadinessObserved(lacks))
    assert driver.alarms(kinds.NOT_READY) == {}
    driver.peer_says(daemons=WELL, lacks=lacks)
    assert list(driver.alarms(kinds.NOT_READY)) == ["server2/dhcpd"]


# Who hears whom, and who left -----------------------------------------------------------------------


def test_the_last_message_of_a_server_that_left_is_not_forgotten() -> None:
    driver = paired()
    driver.peer_says(leaving=True)
    driver.wait(7.0)
    peer = driver.view().peers["server2"]
    assert peer.left
    assert peer.links["lan"].age_s == pytest.approx(7.0, abs=0.3)


def test_nor_that_of_one_that_was_restarted() -> None:
    config = replace(CONFIG, groups=(CONFIG.groups[0],), links=("lan", "crossover"))
    driver = holding(config)
    driver.peer_says(2.0)
    at = driver.now
    before = driver.view().peers["server2"].links
    driver.peer_says(leaving=True)
    driver.wait(1.0)
    driver.seq = 0
    driver.peer_says(boot=33)
    after = driver.view().peers["server2"].links
    assert before["crossover"].age_s is None
    assert after["lan"].age_s == 0.0
    assert after["crossover"].age_s is None
    assert driver.now > at


def test_one_that_is_heard_and_hears_nobody_is_told_on_its_own_side() -> None:
    driver = paired()
    driver.peer_says(5.0, daemons=WELL, heard={})
    assert list(driver.alarms(kinds.UNHEARD)) == ["server1"]
    assert not driver.view().peers["server2"].hears_us
    driver.peer_says(daemons=WELL)
    assert driver.alarms(kinds.UNHEARD) == {}


def test_and_on_the_other_side_by_whom_it_is_heard() -> None:
    """server3 hears server2, which this server does not."""
    order = ("server1", "server2", "server3")
    driver = holding(replace(CONFIG, servers=order, groups=(replace(CONFIG.groups[0], order=order),)))
    from twinboot.core.events import HeartbeatReceived

    def third(seq: int) -> None:
        heard = {"server1": LastHeard(11, driver.state.seq, ("lan",)), "server2": LastHeard(22, 5, ("lan",))}
        driver.feed(HeartbeatReceived("lan", Heartbeat("c", "server3", 44, seq, heard=heard)))

    for seq in range(1, 20):
        third(seq)
        driver.wait(0.2)
    assert "by server3" in driver.alarms(kinds.SERVER_SILENT)["server2"]


def test_a_peer_of_which_one_does_not_hear_us_is_named() -> None:
    order = ("server1", "server2", "server3")
    driver = holding(replace(CONFIG, servers=order, groups=(replace(CONFIG.groups[0], order=order),)))
    from twinboot.core.events import HeartbeatReceived

    for seq in range(1, 20):
        heard = {"server1": LastHeard(11, driver.state.seq, ("lan",))}
        driver.feed(HeartbeatReceived("lan", Heartbeat("c", "server3", 44, seq, heard=heard)))
        driver.peer_says()
        driver.wait(0.2)
    for _ in range(10):
        seq += 1
        heard = {"server1": LastHeard(11, driver.state.seq, ("lan",))}
        driver.feed(HeartbeatReceived("lan", Heartbeat("c", "server3", 44, seq, heard=heard)))
        driver.peer_says(heard={})
        driver.wait(0.2)
    assert list(driver.alarms(kinds.UNHEARD)) == ["server2"]


def test_the_version_of_a_peer_is_shown_and_kept() -> None:
    driver = paired()
    assert driver.view().peers["server2"].version == ""
    driver.peer_says(version="0.12.0")
    driver.wait(5.0)
    assert driver.view().peers["server2"].version == "0.12.0"
    config = replace(CONFIG, version="0.13.0")
    own = Driver(config)
    own.feed(VipDropped("first"))
    own.feed(ServiceObserved("dhcpd", ServiceState.STOPPED))
    own.wait(1.0)
    assert {one.version for one in own.sent()} == {"0.13.0"}


def test_leaving_is_not_held_up() -> None:
    """TERM is no question: whoever wants one asks first (scripts/down)."""
    driver = paired()
    driver.peer_says(daemons=WELL, lacks=NO_CONTAINER)
    driver.feed(LeaveRequested())
    driver.feed(ServiceObserved("dhcpd", ServiceState.STOPPED))
    driver.wait(1.0)
    assert driver.group() is not GroupState.HELD
