"""Tables of moves on a narrow terminal and in a pipe: no column is broken into a few letters."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console
from twinboot.commands.history import moves_table, render_move

REASON = "server1 is dead: no heartbeat for 1.5 s on lan, crossover and serial"
EVENTS = (
    ("fault", "power-off of server1"),
    ("dead", "no heartbeat on lan, crossover, serial for 1.5 s"),
    ("no-rst", "nothing answers clients' connections with a reset"),
    ("announced", "192.168.0.253 is at 02:42:c0:a8:00:fc"),
    ("cli129: last data before it", "within 0.1 s"),
)
MOVE: dict[str, Any] = {
    "number": 12, "group": "second", "address": "192.168.0.253", "from": "server1", "to": "server2",
    "kind": "claimed", "reason": REASON, "at": 1_700_000_000.25, "left_out": 0,
    "events": [
        {"at": 1_700_000_000.25 + n, "after_s": n * 1.234, "kind": kind, "text": text}
        for n, (kind, text) in enumerate(EVENTS)
    ],
}  # fmt: skip


def shown(renderable: object, width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width, highlight=False)
    console.print(renderable)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


@pytest.mark.parametrize("width", [80, 100, 140])
@pytest.mark.parametrize("table", [render_move(MOVE), moves_table([MOVE])], ids=["move", "list"])
def test_words_stay_whole(table: object, width: int) -> None:
    lines = shown(table, width)
    assert all(len(line.rstrip()) <= width for line in lines)
    words = {word for line in lines for word in line.split()}
    assert set(REASON.split()) <= words
    assert len(lines) <= 20, "\n".join(lines)


@pytest.mark.parametrize("width", [80, 100])
def test_each_word_of_an_event_stays_whole(width: int) -> None:
    words = {word for line in shown(render_move(MOVE), width) for word in line.split()}
    for _, text in EVENTS:
        assert set(text.split()) <= words
