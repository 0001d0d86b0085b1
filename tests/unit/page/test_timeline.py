"""A move as a picture: who had the address, for how long nobody, and each event in its place."""

from __future__ import annotations

from pagesite import MOVES
from twinboot.commands import history
from twinboot_page.models import Move, MoveEvent
from twinboot_page.ui import moves


def move(number: int) -> Move:
    said = MOVES["moves"][number]
    return Move.model_validate({**said, "source": said["from"], "target": said["to"]})


def test_a_power_off_shows_the_time_without_a_holder() -> None:
    shown = moves.shown(move(1))
    old, new = shown.bars
    assert (old.server, new.server) == ("server2", "server1")
    assert old.begin == 0
    assert old.width < new.begin, "between them nobody has it"
    assert new.begin + new.width == 100
    assert shown.gap == "264 ms"
    assert shown.says == "server2 was last heard at 0 ms; server1 has 192.168.0.254 from 264 ms on"
    assert len(shown.rows) == 13
    assert all(0 <= row.begin <= 100 and 0 < row.width <= 101 for row in shown.rows)


def test_an_event_has_one_name_on_the_page_and_in_the_terminal() -> None:
    assert moves.TITLES == history.EVENT_TITLES


def test_a_planned_move_ends_at_the_new_holder() -> None:
    shown = moves.shown(move(0))
    assert shown.lanes == ("server1", "server2")
    assert (shown.gap, shown.says.split(";")[0]) == ("42 ms", "server1 let go of 192.168.0.254 at 19 ms")


def test_a_move_that_is_under_way_or_has_no_events_is_shown_as_far_as_it_is() -> None:
    running = Move(number=1, group="g", address="a", kind="claimed", source="s1", at=0.0,
                   events=[MoveEvent(at=0, after_s=0, kind="last-heartbeat")])  # fmt: skip
    shown = moves.shown(running)
    assert (shown.way, shown.gap, [one.server for one in shown.bars]) == ("s1 → nobody yet", "", ["s1"])
    nothing = Move(number=1, group="g", address="a", kind="claimed", target="s1", at=0.0, done=True)
    empty = moves.shown(nothing)
    assert (empty.way, empty.bars, empty.rows) == ("nobody → s1", (), [])


def test_an_event_of_a_newer_release_is_shown_by_its_name() -> None:
    odd = Move(number=1, group="g", address="a", kind="claimed", at=0.0,
               events=[MoveEvent(at=0, after_s=0, kind="levitated", text="twice")])  # fmt: skip
    assert moves.shown(odd).rows[0].title == "levitated"
