"""A site file that was edited on one server only: never two holders, never two DHCP servers, and both say so.

Every edit of twinlab.faults.othersite, on either server, brought into force there alone; then taken back.
"""

from __future__ import annotations

import time

import pytest
from twinlab import Lab
from twinlab.faults import faults, othersite
from twinlab.host.wait import until

HOME = {"first": "server1", "second": "server2"}
WATCH_S = 6.0
"""Longer than the deadtime of the slower timers: what must not happen needs its time."""
MOVES_NOTHING = ("host-added",)


def codes(lab: Lab, server: str) -> set[tuple[str, str]]:
    view = lab.status()[server]
    return {(one["code"], one["subject"]) for one in view["alarms"]} if view is not None else set()


@pytest.mark.long  # tests/netns has these with real agents
@pytest.mark.parametrize(("edit", "where"), [(edit, where) for edit in othersite.EDITS for where in (1, 2)])
def test_nothing_is_doubled_and_both_say_so(lab: Lab, edit: str, where: int) -> None:
    edited, other = f"server{where}", f"server{3 - where}"
    with lab.lan_recorder() as recorder:
        begun = time.time()
        faults.inject(lab, "other-site", lab.server(where), edit)
        alarm = "server-unknown" if edit == "server-deleted" else "site-differs"
        until(lambda: (alarm, other) in codes(lab, edited), f"{edited} to know", timeout_s=60)
        until(lambda: ("site-differs", edited) in codes(lab, other), f"{other} to know", timeout_s=60)
        time.sleep(WATCH_S)
        report = recorder.report(begun)
        told = codes(lab, other)
        lab.heal()
        lab.end_hold_downs()
        lab.wait_owned(HOME, timeout_s=90)
        end = recorder.report(begun)
    assert not any(report.doubles.values()), "a client saw two holders of one address"
    assert report.doubled_offers == (), "two DHCP servers answered one DISCOVER"
    assert not {("server-silent", edited), ("hold-down", edited)} & told, "no false death"
    if edit in MOVES_NOTHING:
        assert max(report.gap.values()) < WATCH_S / 2
    assert not any(end.doubles.values())
    assert end.doubled_offers == ()
    until(lambda: not codes(lab, other) & {("site-differs", edited)}, "the alarm to end", timeout_s=30)
