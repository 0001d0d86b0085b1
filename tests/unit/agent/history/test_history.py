"""The history of moves: what is remembered, in which order, on one clock, and how little room it takes."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import pytest
from agentfakes import Server, join, until
from rich.console import Console
from twinboot import cli
from twinboot.agent.control.answers import history
from twinboot.agent.history import history as histories
from twinboot.agent.history.history import (
    CAUSE_WINDOW_S,
    LATE_EVENT_WINDOW_S,
    MAX_EVENTS,
    MAX_MOVES,
    History,
    Move,
    MoveKind,
    TimelineEvent,
)
from twinboot.commands import client
from twinboot.commands import history as timeline
from twinboot.core.events import StandbyRequested
from twinlab.demo.proof import PowerOff, moves_of, with_lab

EVENTS = [
    {"at": 1000.0, "after_s": 0.0, "kind": "last-heartbeat", "text": "of server1"},
    {"at": 1001.0, "after_s": 1.0, "kind": "dead", "text": "server1 silent for 1.00 s"},
    {"at": 1001.0804, "after_s": 1.0804, "kind": "announced", "text": ""},
    {"at": 1001.1, "after_s": 1.1, "kind": "a-new-one", "text": ""},
]
MOVE: dict[str, Any] = {
    "number": 3, "group": "first", "address": "192.168.0.253", "kind": "claimed", "from": "server1",
    "to": "server2", "reason": "server1 is dead", "done": True, "left_out": 0, "at": 1000.0,
    "events": EVENTS,
}


async def _pair() -> tuple[Server, Server]:
    one, two = Server("server1"), Server("server2")
    join(one, two)  # before they start: on a busy machine each would think that it is alone
    one.start()
    two.start()
    await until(lambda: [one.kernel.holds("first"), one.kernel.holds("second")] == [True, False]
                and [two.kernel.holds("first"), two.kernel.holds("second")] == [False, True],
                "each holds its own alone")
    await until(lambda: two.agent.state.groups["first"].last_holder == "server1", "it is known")
    return one, two


def _last(server: Server, group: str) -> dict[str, Any]:
    moves = [one for one in history(server.agent)["moves"] if one["group"] == group]
    return dict(moves[-1]) if moves else {"events": []}


def _names(move: dict[str, Any]) -> list[str]:
    return [event["kind"] for event in move["events"]]


def test_a_death_is_told_from_the_last_heartbeat_to_the_service() -> None:
    async def run() -> None:
        one, two = await _pair()
        try:
            one.cable.other = two.cable.other = None
            await until(lambda: "service-running" in _names(_last(two, "first")), "dhcpd runs on server2")
            move = _last(two, "first")
            wanted = ["last-heartbeat", "dead", "claim", "probe", "probe", "probe", "address-up", "announced"]
            assert [name for name in _names(move) if name in wanted] == wanted
            assert (move["kind"], move["from"], move["to"]) == ("claimed", "server1", "server2")
            assert move["done"]
            times = [event["at"] for event in move["events"]]
            assert times == sorted(times)
            after = {event["kind"]: event["after_s"] for event in move["events"]}
            # before it there may stand what the start of server1 brought
            dead_after_s = after["dead"] - after["last-heartbeat"]
            assert dead_after_s >= two.agent.config.timers.deadtime_s - 0.0002  # each is rounded
            assert move["events"][_names(move).index("last-heartbeat")]["text"] == "of server1"
        finally:
            for server in (one, two):
                await server.end()

    asyncio.run(run())


def test_a_planned_move_is_told_on_both_sides() -> None:
    async def run() -> None:
        one, two = await _pair()
        try:
            one.agent.handle(StandbyRequested(on=True))
            await until(lambda: _last(one, "first").get("to") == "server2", "server1 knows who has it")
            # server2's own thread of addresses: server1 may hear of it before the history here does
            await until(lambda: "announced" in _names(_last(two, "first")), "server2 has announced")
            given, taken = _last(one, "first"), _last(two, "first")
            assert given["kind"] == "released"
            order = ["standby-asked", "release", "address-gone", "new-holder"]
            assert [name for name in _names(given) if name in order] == order
            assert taken["from"] == "server1"
            order = ["peer-standby", "peer-releasing", "peer-idle", "claim", "address-up", "announced"]
            begun = _names(taken).index("peer-standby")  # before it: what the start of server1 brought
            assert [name for name in _names(taken)[begun:] if name in order] == order
            assert "dead" not in _names(taken)
        finally:
            for server in (one, two):
                await server.end()

    asyncio.run(run())


def test_setting_the_clock_shifts_a_move_and_nothing_within_it() -> None:
    one = _history()
    move = _begin(one, at=100.0)
    move.add(TimelineEvent(101.5, "address-up"))
    before, after = one.as_dicts(now=200.0, wall_time=5000.0), one.as_dicts(now=201.0, wall_time=8601.0)
    for told, shift in ((before, 4800.0), (after, 8400.0)):
        assert [event["at"] for event in told[0]["events"]] == [100.0 + shift, 101.5 + shift]
        assert [event["after_s"] for event in told[0]["events"]] == [0.0, 1.5]


def test_memory_is_bounded() -> None:
    one = _history()
    for number in range(3 * MAX_MOVES):
        _begin(one, at=float(number), done=True)
        for step in range(2 * MAX_EVENTS):
            one.record_event("first", "taken-over", number + step / 1000)
    told = one.as_dicts(now=0.0, wall_time=0.0)
    assert [move["number"] for move in told] == list(range(2 * MAX_MOVES + 1, 3 * MAX_MOVES + 1))
    assert all(len(move["events"]) == MAX_EVENTS for move in told)
    assert all(move["left_out"] == MAX_EVENTS + 1 for move in told)
    assert len(json.dumps(told)) < client._REPLY_LIMIT


def test_probes_of_a_long_split_leave_room_for_what_follows() -> None:
    one = _history()
    _begin(one, at=0.0)
    for at in range(2 * MAX_EVENTS):
        one.record_event("first", "probe", float(at))
    one.record_event("first", "address-up", 300.0)
    assert _names(one.as_dicts(now=0.0, wall_time=0.0)[0]) == [
        "claim",
        "probe",
        "probe",
        "probe",
        "address-up",
    ]


def test_a_claim_that_came_to_nothing_makes_room_for_the_next() -> None:
    one = _history()
    for at in range(5):
        _begin(one, at=float(at))
    assert [move["number"] for move in one.as_dicts(now=0.0, wall_time=0.0)] == [5]


def test_what_comes_long_after_a_move_does_not_belong_to_it() -> None:
    one = _history()
    _begin(one, at=0.0, done=True)
    one.record_event("first", "service-answers", LATE_EVENT_WINDOW_S - 1)
    one.record_event("first", "service-stopped", LATE_EVENT_WINDOW_S + 1)
    one.record_event("second", "address-up", 1.0)
    assert _names(one.as_dicts(now=0.0, wall_time=0.0)[0]) == ["claim", "service-answers"]


def test_the_takeover_event_goes_to_the_group_of_its_address() -> None:
    one = _history()
    _begin(one, at=0.0)
    one.record_events_of_address(
        "192.168.0.253", [TimelineEvent(0.2, "taken-over", "HTTP of 192.168.0.129:4711")]
    )
    one.record_events_of_address("192.168.0.254", [TimelineEvent(0.3, "taken-over", "not here")])
    assert _names(one.as_dicts(now=0.0, wall_time=0.0)[0]) == ["claim", "taken-over"]


def test_an_old_cause_is_none() -> None:
    one = _history()
    one._possible_causes.append(("server1", TimelineEvent(10.0, "dead")))
    assert [entry.kind for entry in _begin(one, at=11.0 + CAUSE_WINDOW_S).events] == ["claim"]
    assert [entry.kind for entry in _begin(_with_cause(), at=11.0).events] == ["dead", "claim"]


def _with_cause() -> History:
    one = _history()
    one._possible_causes.append(("server1", TimelineEvent(10.0, "dead")))
    return one


def _history() -> History:
    return History("server2", {"first": "192.168.0.253", "second": "192.168.0.254"})


def _begin(one: History, *, at: float, done: bool = False) -> Move:
    move = one._begin(MoveKind.CLAIMED, "first", "server1", "server2", "", at)
    move.done_at = at if done else None
    return move


def test_the_table_can_be_read_without_colour() -> None:
    text = _text(timeline.render_move(MOVE))
    rows = [" ".join(row.split()) for row in text.splitlines()]
    assert rows[0] == ("move 3: first (192.168.0.253), server1 -> server2, 1970-01-01 00:16:40.000 UTC: "
                       "server1 is dead")
    assert rows[2] == "0.0 ms +0.0 ms 00:16:40.000 last heartbeat of server1"
    assert rows[4] == "1.080 s +80.4 ms 00:16:41.080 first gratuitous ARP"
    assert rows[5].endswith("a-new-one")
    listed = " ".join(_text(timeline.moves_table([MOVE])).split())
    assert listed.endswith("3 1970-01-01 00:16:40.000 first server1 server2 1.080 s server1 is dead")


def _text(what: Any) -> str:
    console = Console(width=160, no_color=True, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(what)
    return console.export_text()


def test_every_event_has_words() -> None:
    source = (histories.__file__, sys.modules["twinboot.agent.vip.vips"].__file__)
    written = "".join(open(path).read() for path in source if path)  # noqa: SIM115
    for name in ("last-heartbeat", "dead", "goodbye", "claim", "release", "probe", "announced", "address-up",
                 "address-gone", "no-rst", "frozen", "peer-standby", "new-holder", "service-start"):
        assert f'"{name}"' in written
        assert name in timeline.EVENT_TITLES


def test_the_demo_counts_from_the_power_off() -> None:
    seen = with_lab(MOVE, PowerOff("server1", "server2", 1000.08), [])
    assert [(event["kind"], round(event["after_s"], 4)) for event in seen["events"]] == [
        ("last-heartbeat", -0.08), ("fault", 0.0), ("dead", 0.92), ("announced", 1.0004), ("a-new-one", 1.02),
    ]
    assert "-80.0 ms" in _text(timeline.render_move(seen))
    moves = [{**MOVE, "from": "server2"}, {**MOVE, "kind": "observed"}, MOVE]
    assert moves_of(moves, PowerOff("server1", "server2", 1000.08)) == [MOVE]
    assert moves_of(moves, PowerOff("server1", "server2", 1002.0)) == []


@pytest.fixture
def agent(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    moves = [{**MOVE, "number": number} for number in (1, 2, 3)]
    monkeypatch.setattr(client, "ask", lambda *_: {"ok": True, "server": "server2", "moves": moves})
    return moves


def _run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["twinboot", "history", *words])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


def test_the_command_shows_the_last_move_one_or_all(
    monkeypatch: pytest.MonkeyPatch, capsys: Any, agent: list[dict[str, Any]]
) -> None:
    assert _run(monkeypatch) == 0
    said = capsys.readouterr().out
    assert "move 3:" in said
    assert "move 2:" not in said
    assert _run(monkeypatch, "--move", "2") == 0
    assert "move 2:" in capsys.readouterr().out
    assert _run(monkeypatch, "--all") == 0
    assert len(capsys.readouterr().out.splitlines()) == 1 + len(agent)
    assert _run(monkeypatch, "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"server": "server2", "moves": agent}
    assert _run(monkeypatch, "--move", "9") == 1
    assert "no move 9 is remembered" in capsys.readouterr().err
