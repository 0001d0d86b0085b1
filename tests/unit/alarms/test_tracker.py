"""Since when an alarm holds: kept over repeats, anew after an end; what began and ended is named once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twinboot.alarms import Alarm, Condition, kinds, track

LAN = kinds.LINK_DOWN.on("server2/lan", "down")
DISK = kinds.DISK_FAILING.on("server1", "a write has not ended after 2 s")
DISK_LATER = kinds.DISK_FAILING.on("server1", "a write has not ended after 3 s")
DISK_OF_2 = kinds.DISK_FAILING.on("server2", "full")


def keys(alarms: tuple[Alarm, ...]) -> list[tuple[str, str]]:
    return [alarm.key for alarm in alarms]


def test_since_stays_while_it_holds_and_the_text_is_the_newest() -> None:
    first = track((), [DISK], 10.0)
    assert first.begun == first.alarms == (Alarm("disk-failing", "server1", DISK.text, 10.0),)
    second = track(first.alarms, [LAN, DISK_LATER], 11.0)
    assert second.alarms[1] == Alarm("disk-failing", "server1", DISK_LATER.text, 10.0)
    assert keys(second.alarms) == [("link-down", "server2/lan"), ("disk-failing", "server1")], "as found"
    assert keys(second.begun) == [("link-down", "server2/lan")]
    assert second.over == ()


def test_since_is_new_after_an_end() -> None:
    first = track((), [DISK], 10.0)
    ended = track(first.alarms, [], 12.0)
    assert (ended.alarms, ended.begun, ended.over) == ((), (), first.alarms)
    assert track(ended.alarms, [DISK], 15.0).alarms[0].since == 15.0


def test_another_subject_is_another_alarm() -> None:
    first = track((), [DISK], 10.0)
    second = track(first.alarms, [DISK_OF_2], 11.0)
    assert keys(second.begun) == [("disk-failing", "server2")]
    assert keys(second.over) == [("disk-failing", "server1")]


def test_what_two_find_is_one_alarm() -> None:
    assert track((), [DISK, DISK_LATER], 1.0).alarms == (Alarm("disk-failing", "server1", DISK.text, 1.0),)


@given(st.lists(st.lists(st.sampled_from([LAN, DISK, DISK_LATER, DISK_OF_2]))))
def test_begins_and_ends_alternate_and_lead_to_what_holds(looks: list[list[Condition]]) -> None:
    alarms: tuple[Alarm, ...] = ()
    open_since: dict[tuple[str, str], float] = {}
    for now, found in enumerate(looks):
        changes = track(alarms, found, float(now))
        for alarm in changes.begun:
            assert alarm.key not in open_since
            open_since[alarm.key] = float(now)
        for alarm in changes.over:
            assert open_since.pop(alarm.key) == alarm.since
        alarms = changes.alarms
        assert {alarm.key: alarm.since for alarm in alarms} == open_since
        assert open_since.keys() == {(one.code, one.subject) for one in found}
