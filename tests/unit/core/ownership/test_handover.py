"""Health penalties decide: when a holder hands over because another is better, and when nothing may move."""

from __future__ import annotations

from dataclasses import replace

import pytest
from coredriver import CONFIG, HOLDS_FIRST, ORDER, Driver, holding, starting
from twinboot.core.effects import ClaimVip, DropVip, StopService
from twinboot.core.events import ServiceObserved, VipClaimed, VipClaimFailed, VipDropped
from twinboot.core.model import ClusterConfig, GroupConfig, GroupState, Health, LanHealth, ServiceState
from twinboot.core.ownership import candidates

WELL = {"vsftpd": Health.GOOD, "tftp": Health.GOOD}
ONE_BROKEN = {"vsftpd": Health.BROKEN, "tftp": Health.GOOD}
RX_DEAD, CUT = LanHealth.RX_DEAD, LanHealth.NO_CARRIER


def paired(**said: object) -> Driver:
    """We hold both groups; the peer is alive, well and known for long."""
    driver = holding(replace(CONFIG, groups=(CONFIG.groups[0],)))
    driver.peer_says(12.0, daemons=WELL)
    driver.observe_lan()
    return driver


# LAN ------------------------------------------------------------------------------------------------


def test_a_holder_without_carrier_hands_over_after_a_blink_address_first() -> None:
    driver = paired()
    assert driver.observe_lan(carrier=False) == ()
    assert [one.lan for one in driver.sent()] == [CUT]
    assert driver.wait(0.1)[-2:] == (DropVip("first"), StopService("dhcpd"))
    driver.feed(VipDropped("first"))
    assert driver.group() is GroupState.IDLE
    assert ClaimVip("first", 3.0) not in driver.peer_says(1.0, daemons=WELL)


def test_a_switch_that_loses_its_power_moves_nothing() -> None:
    """The carriers go one after the other; the peer's word comes within the blink."""
    driver = paired()
    driver.observe_lan(carrier=False)
    driver.wait(0.05)
    assert DropVip("first") not in driver.peer_says(5.0, daemons=WELL, lan=CUT)
    assert driver.group() is GroupState.HELD


def test_a_carrier_that_blinks_moves_nothing() -> None:
    driver = paired()
    driver.observe_lan(carrier=False)
    driver.wait(0.05)
    driver.observe_lan(carrier=True)
    assert DropVip("first") not in driver.peer_says(5.0, daemons=WELL)


@pytest.mark.parametrize("theirs", [RX_DEAD, CUT])
def test_both_lans_dead_moves_nothing(theirs: LanHealth) -> None:
    driver = paired()
    driver.peer_says(daemons=WELL, lan=theirs)
    assert driver.observe_lan(carrier=False) == ()
    assert DropVip("first") not in driver.peer_says(10.0, daemons=WELL, lan=theirs)


def test_an_rx_dead_holder_hands_over_when_it_is_established() -> None:
    driver = paired()
    driver.observe_lan(reachable=False)
    assert DropVip("first") not in driver.peer_says(0.9, daemons=WELL)
    driver.observe_lan(reachable=False)
    assert DropVip("first") in driver.peer_says(0.2, daemons=WELL)


def test_a_peer_that_does_not_hear_us_is_handed_nothing() -> None:
    driver = paired()
    driver.peer_says(daemons=WELL, heard={})
    assert driver.observe_lan(carrier=False) == ()


def test_a_peer_that_is_barred_is_handed_nothing() -> None:
    driver = paired()
    driver.peer_says(daemons=WELL, eligible=())
    assert driver.observe_lan(carrier=False) == ()


def test_a_peer_that_becomes_as_bad_during_the_handover_leaves_it_here() -> None:
    driver = paired()
    driver.observe_lan(carrier=False)
    driver.feed(VipDropped("first"))
    did = driver.peer_says(daemons=WELL, lan=CUT) + driver.wait(0.1)
    assert ClaimVip("first", 3.0) in did, "nobody else is better any more, and we come first"


def test_the_taker_takes_what_a_server_with_a_dead_lan_lets_go() -> None:
    driver = starting(replace(CONFIG, me="server1", groups=(replace(CONFIG.groups[0], order=ORDER[::-1]),)))
    driver.observe_lan()
    driver.peer_says(1.0, groups=HOLDS_FIRST)
    driver.peer_says(
        0.2, groups={"first": replace(HOLDS_FIRST["first"], state=GroupState.RELEASING)}, lan=CUT
    )
    did = driver.peer_says(lan=CUT)
    assert did == (ClaimVip("first", 3.0),), "it says it has not the address: nobody needs to be asked"


# Daemons ---------------------------------------------------------------------------------------------


def test_a_broken_daemon_hands_over_services_first() -> None:
    driver = paired()
    driver.feed(ServiceObserved("dhcpd", ServiceState.RUNNING))
    did = driver.breaks(daemons=WELL)
    assert StopService("dhcpd") in did
    assert did.index(StopService("dhcpd")) < did.index(DropVip("first"))


def test_a_peer_as_bad_is_handed_nothing() -> None:
    driver = paired()
    assert StopService("dhcpd") not in driver.breaks(daemons={**WELL, "tftp": Health.BROKEN})
    assert driver.group() is GroupState.HELD


def test_a_peer_that_is_failing_too_is_waited_for() -> None:
    """Both were given the same broken image: a move would be one for nothing."""
    driver = paired()
    failing = {**WELL, "vsftpd": Health.FAILING}
    driver.breaks(daemons=failing)
    driver.peer_says(3.0, daemons=failing)
    assert driver.group() is GroupState.HELD
    driver.peer_says(0.0, daemons=WELL)
    assert driver.group() is GroupState.RELEASING


def test_a_peer_that_has_just_started_is_not_trusted_before_it_was_probed() -> None:
    driver = holding()
    driver.peer_says(0.0, daemons={})
    driver.breaks(daemons={})
    assert driver.group() is GroupState.HELD
    driver.peer_says(3.5, daemons={})
    assert driver.group() is GroupState.RELEASING, "but not for ever"


def test_a_broken_dhcpd_counts_for_its_own_group_only() -> None:
    driver = holding(replace(CONFIG, groups=(CONFIG.groups[0], replace(CONFIG.groups[1], order=ORDER))))
    driver.peer_says(12.0, daemons=WELL)
    driver.breaks("dhcpd", daemons=WELL)
    driver.feed(ServiceObserved("dhcpd", ServiceState.STOPPED))
    assert driver.group("first") is GroupState.RELEASING
    assert driver.group("second") is GroupState.HELD


def test_the_worse_lan_weighs_more_than_any_number_of_daemons() -> None:
    driver = paired()
    driver.peer_says(daemons=dict.fromkeys(WELL, Health.BROKEN))
    driver.observe_lan(carrier=False)
    assert DropVip("first") in driver.wait(0.1)


def test_a_dead_lan_weighs_even_where_daemons_are_broken() -> None:
    driver = paired()
    both = dict.fromkeys(WELL, Health.BROKEN)
    driver.peer_says(daemons=both)
    driver.breaks(daemons=both)
    assert driver.group() is GroupState.HELD
    driver.observe_lan(carrier=False)
    assert DropVip("first") in driver.wait(0.1)


def test_what_a_peer_says_of_services_nobody_knows_does_not_count() -> None:
    driver = paired()
    driver.peer_says(daemons={**WELL, "gopher": Health.BROKEN})
    driver.breaks(daemons={**WELL, "gopher": Health.BROKEN})
    assert driver.group() is GroupState.RELEASING


# Failback and claims ---------------------------------------------------------------------------------


def second_holds() -> Driver:
    """We are the later one and hold the group; the first of its order is alive again."""
    config = replace(CONFIG, groups=(replace(CONFIG.groups[0], order=ORDER[::-1]),))
    driver = holding(config)
    driver.observe_lan()
    return driver


def test_it_goes_back_to_a_server_that_is_well() -> None:
    driver = second_holds()
    driver.peer_says(4.9, daemons=WELL)
    assert driver.group() is GroupState.HELD
    driver.peer_says(0.4, daemons=WELL)
    assert driver.group() is GroupState.RELEASING


@pytest.mark.parametrize("more", [{"lan": RX_DEAD}, {"lan": CUT}, {"daemons": ONE_BROKEN}])
def test_it_never_goes_back_to_a_server_with_a_bigger_penalty(more: dict[str, object]) -> None:
    driver = second_holds()
    driver.peer_says(60.0, **{"daemons": WELL, **more})
    assert driver.group() is GroupState.HELD


def test_it_goes_back_to_one_as_bad_as_we_are() -> None:
    driver = second_holds()
    driver.breaks(daemons=ONE_BROKEN)
    driver.peer_says(6.0, daemons=ONE_BROKEN)
    assert driver.group() is GroupState.RELEASING


def test_it_does_not_go_back_before_the_daemons_there_were_probed() -> None:
    driver = second_holds()
    driver.peer_says(8.0, daemons={"vsftpd": Health.UNKNOWN, "tftp": Health.GOOD})
    assert driver.group() is GroupState.HELD
    driver.peer_says(0.2, daemons=WELL)
    driver.peer_says(4.7, daemons=WELL)
    assert driver.group() is GroupState.HELD
    driver.peer_says(0.5, daemons=WELL)
    assert driver.group() is GroupState.RELEASING


def test_unknown_health_delays_no_start() -> None:
    assert ClaimVip("first", 3.0) in starting().wait(5.1)


def test_a_free_group_goes_to_the_smallest_penalty_then_by_the_order() -> None:
    driver = starting()
    driver.observe_lan(carrier=False)
    assert ClaimVip("first", 3.0) not in driver.peer_says(1.0, daemons=WELL), "the later one is better"
    driver = starting()
    driver.observe_lan(carrier=False)
    assert ClaimVip("first", 3.0) in driver.peer_says(1.0, daemons=WELL, lan=RX_DEAD), "none is better"


def test_of_two_holders_the_one_with_the_smaller_penalty_keeps_it() -> None:
    driver = second_holds()
    driver.peer_says(groups=HOLDS_FIRST, lan=RX_DEAD)
    assert driver.group() is GroupState.HELD, "it comes first, but serves nobody"
    driver.peer_says(groups=HOLDS_FIRST)
    assert driver.group() is GroupState.RELEASING


def test_of_two_holders_we_yield_with_the_bigger_penalty_though_we_come_first() -> None:
    """By the rule for two holders: a hand-over would wait until the other is free of doubt."""
    driver, failing = paired(), {**WELL, "vsftpd": Health.FAILING}
    driver.breaks(daemons=failing)
    assert driver.group() is GroupState.HELD
    assert driver.peer_says(daemons=failing, groups=HOLDS_FIRST)[0] == DropVip("first")


def test_a_group_goes_back_only_to_the_one_that_will_take_it() -> None:
    names = ("server2", "server3", "server1")
    config = ClusterConfig("c", "server1", names, (GroupConfig("first", names),), ("lan",))
    driver = starting(config)
    driver.wait(5.1)
    driver.feed(VipClaimed("first"))
    driver.peer_says(1.0)
    assert candidates.preferred_owner(driver.state, driver.state.groups["first"]) == "server2"
    driver.peer_says(3.0)
    assert driver.group() is GroupState.HELD
    driver.peer_says(1.5)
    assert driver.group() is GroupState.RELEASING


# Failed claims ---------------------------------------------------------------------------------------


def test_a_server_that_cannot_claim_is_offered_the_group_ever_more_rarely() -> None:
    driver, offers = starting(replace(CONFIG, groups=(CONFIG.groups[0],))), []
    driver.wait(5.1)
    for _ in range(6):
        driver.feed(VipClaimFailed("first", "no"))
        driver.feed(VipDropped("first"))
        assert "first" not in driver.state.last_sent.eligible  # type: ignore[union-attr]
        begin = driver.now
        while driver.state.groups["first"].claim_backoff_until is not None:
            driver.peer_says(0.2, groups=HOLDS_FIRST, daemons=WELL)
        offers.append(round(driver.now - begin))
        assert ClaimVip("first", 3.0) in driver.peer_says(daemons=WELL)
    assert offers == [1, 2, 4, 8, 16, 32]


def test_where_the_holder_serves_nobody_the_group_is_offered_more_often() -> None:
    driver = starting(replace(CONFIG, groups=(CONFIG.groups[0],)))
    driver.wait(5.1)
    for _ in range(8):
        driver.feed(VipClaimFailed("first", "no"))
        driver.feed(VipDropped("first"))
        begin = driver.now
        while "first" not in driver.state.last_sent.eligible:  # type: ignore[union-attr]
            driver.peer_says(0.2, groups=HOLDS_FIRST, daemons=WELL, lan=CUT)
        assert driver.now - begin < 30.3
        assert ClaimVip("first", 3.0) in driver.peer_says(daemons=WELL, lan=CUT)


def test_nobody_else_being_there_it_is_tried_every_half_minute() -> None:
    driver = starting()
    driver.wait(5.1)
    for _ in range(8):
        driver.feed(VipClaimFailed("first", "no"))
        driver.feed(VipDropped("first"))
        claims, begin = (), driver.now
        while ClaimVip("first", 3.0) not in claims:
            claims = driver.wait(0.1)
        assert driver.now - begin < 30.2
    driver.feed(VipClaimed("first"))
    assert driver.state.groups["first"].claim_backoff_until is None
