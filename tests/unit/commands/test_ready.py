"""`twinboot ready`: what counts against this server, and what does not."""

from __future__ import annotations

from typing import Any

import pytest
from alarmkinds import only_registered_here
from twinboot.alarms import AlarmKind, register
from twinboot.alarms.registry import warning
from twinboot.commands.ready import ASK_EVERY_S, faults, wait_ready
from twinboot.daemons import EVERYWHERE


def status(**changed: Any) -> dict[str, Any]:
    daemons = {one.name: {"health": "good", "fault": ""} for one in EVERYWHERE}
    well = {
        "server": "server1", "version": "0.2.0", "state": "active", "alarms": [],
        "daemons": daemons | {"dhcpd": {"health": "unknown", "fault": ""}},
        "peers": {"server2": {"state": "alive"}, "server3": {"state": "dead"}},
    }
    return {**well, **changed}


def alarm(subject: str, text: str) -> dict[str, str]:
    return {"code": "any", "subject": subject, "text": text}


def test_a_server_that_is_well() -> None:
    assert faults(status(), "0.2.0") == []
    assert faults(status(state="standby")) == []
    assert faults(status(peers={})) == [], "a server alone has nobody to hear"


@pytest.mark.parametrize(("changed", "said"), [
    ({"version": "0.1.0"}, "version 0.1.0 runs, not 0.2.0"),
    ({"state": "starting"}, "the sidecar is starting"),
    ({"peers": {"server2": {"state": "dead"}}}, "no other server is heard"),
    ({"daemons": {"tftp": {"health": "failing", "fault": "no answer"}}}, "tftp is failing: no answer"),
    ({"daemons": {"tftp": {"health": "unknown", "fault": ""}}}, "tftp is unknown"),
    ({"daemons": {"dhcpd": {"health": "broken", "fault": ""}}}, "dhcpd is broken"),
    ({"alarms": [alarm("server1", "the disk fails")]}, "the disk fails"),
    ({"alarms": [alarm("server1/engine", "it is silent")]}, "it is silent"),
])
def test_each_fault_of_its_own_is_said(changed: dict[str, Any], said: str) -> None:
    assert faults(status(**changed), "0.2.0") == [said]


def test_what_is_wrong_elsewhere_does_not_count() -> None:
    others = [alarm("server2", "server server2 is not heard"), alarm("first", "group first has no holder"),
              alarm("server11", "the disk fails"), alarm("server2/tftp", "tftp of server2 is failing")]
    assert faults(status(alarms=others)) == []


@pytest.mark.parametrize("code", ["site-edited", "tree-altered", "tree-not-fetched"])
def test_what_no_other_version_would_mend_does_not_count(code: str) -> None:
    assert faults(status(alarms=[{"code": code, "subject": "server1/t", "text": "any"}])) == []


@pytest.mark.parametrize("of_release", [True, False])
def test_a_kind_says_whether_a_release_may_cause_it(of_release: bool) -> None:
    with only_registered_here():
        register(AlarmKind("toy", "SERVER", "", "", warning(), of_release=of_release))
        told = faults(status(alarms=[{"code": "toy", "subject": "server1", "text": "any"}]))
    assert told == (["any"] if of_release else [])


def test_a_daemon_that_fails_is_said_once() -> None:
    bad = {"tftp": {"health": "failing", "fault": "no answer"}}
    told = [alarm("server1/tftp", "service tftp is failing: no answer")]
    assert faults(status(daemons=bad, alarms=told)) == ["tftp is failing: no answer"]


def test_it_waits_until_the_server_is_well_or_the_time_is_over() -> None:
    clock = [0.0]
    answers = [None, status(state="starting"), status()]

    def sleep(seconds: float) -> None:
        clock[0] += seconds

    asked = iter(answers)
    assert wait_ready(lambda: next(asked), "", 60.0, now=lambda: clock[0], sleep=sleep) == []
    assert clock[0] == 2 * ASK_EVERY_S
    never = wait_ready(lambda: None, "", 60.0, now=lambda: clock[0], sleep=sleep)
    assert never == ["the sidecar does not answer"]
    assert clock[0] == pytest.approx(61.0)
