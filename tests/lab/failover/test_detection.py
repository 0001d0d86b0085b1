"""A death is found by asking the LAN, before the deadtime is over; and nothing that lives is found dead."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack

import pytest
from twinlab import Lab
from twinlab.host.wait import until
from twinlab.measure.events import Events
from twinlab.measure.matrix import HOME, fault

FOUND = "lan_proven_by"
"""A field of `peer-dead` when the peer was found dead before the deadtime."""
WATCHED_S = 8.0
LOSSY_S = 20.0


def found_dead(events: Events) -> list[str]:
    return [event.text for event in events.named("peer-dead") if FOUND in event.fields]


def carrier(lab: Lab, server: int) -> str:
    return lab.server(server).exec("cat", "/sys/class/net/eth1/carrier").out.strip()


def test_a_power_off_is_told_by_the_cable_and_confirmed_by_the_lan(lab: Lab) -> None:
    lab.wait_owned(HOME)
    with lab.events() as events:
        with lab.fault("power-off", 1):
            until(lambda: events.named("peer-dead"), "the death", timeout_s=20)
            dead = events.named("peer-dead")[0]
            assert carrier(lab, 2) == "0"
            until(lambda: "server2" in lab.owners()["first"], "the taker", timeout_s=20)
            move = [one for one in lab.server(2).history() if one["group"] == "first"][-1]
        assert dead.fields["peer"] == "server1"
        assert FOUND in dead.fields, dead.text
        assert {"suspected", "found-dead", "announced"} <= {one["kind"] for one in move["events"]}, move
    lab.wait_owned(HOME)
    assert carrier(lab, 2) == "1"


@pytest.mark.long
def test_a_pulled_cable_takes_both_carriers_and_moves_nothing(lab: Lab) -> None:
    lab.wait_owned(HOME)
    with lab.events() as events, lab.prober() as prober:
        with lab.fault("unplug", 1, "crossover"):
            assert (carrier(lab, 1), carrier(lab, 2)) == ("0", "0")
            prober.settle(4)
        assert (carrier(lab, 1), carrier(lab, 2)) == ("1", "1")
        assert events.named("peer-dead") == []
        assert lab.owners() == {"first": ["server1"], "second": ["server2"]}
        assert [seen.doubles() for seen in prober.seen().values()] == [[], []]


@pytest.mark.long
@pytest.mark.parametrize("how", ["rx-dead", "tx-dead"])
def test_where_the_lan_goes_one_way_only_nobody_is_found_dead_from_there(lab: Lab, how: str) -> None:
    """Server 1 is cut off from every other link: whatever it hears or is heard, its LAN proves nothing."""
    lab.wait_owned(HOME)
    with lab.events() as events, lab.prober() as prober:
        with lab.fault(how, 1), lab.fault("unplug", 1, "crossover", "serial"):
            prober.settle(WATCHED_S)
        assert [text for text in found_dead(events) if "server1 peer-dead" in text] == []
        assert [seen.doubles() for seen in prober.seen().values()] == [[], []]


@pytest.mark.long
@pytest.mark.parametrize("more", [lambda lab: None, fault("unplug", 1, "crossover", "serial")],
                         ids=["all-links", "lan-alone"])
def test_a_lan_that_loses_two_of_five_frames_kills_nobody(lab: Lab, more: Callable[[Lab], object]) -> None:
    lab.wait_owned(HOME)
    with lab.events() as events, lab.prober() as prober, ExitStack() as stack:
        stack.enter_context(lab.fault("lossy", 1, "loss=40", "jitter=5"))
        time.sleep(4)
        more(lab)
        prober.settle(LOSSY_S)
        assert found_dead(events) == []
        assert [seen.doubles() for seen in prober.seen().values()] == [[], []]


@pytest.mark.long
def test_a_frozen_sidecar_whose_kernel_answers_is_not_found_dead(lab: Lab) -> None:
    lab.wait_owned(HOME)
    with lab.events() as events, lab.prober() as prober:
        with lab.fault("freeze-sidecar", 1):
            until(lambda: events.named("peer-dead"), "the deadtime", timeout_s=20)
            prober.settle(6)
        assert found_dead(events) == []
        assert [seen.doubles() for seen in prober.seen().values()] == [[], []]
