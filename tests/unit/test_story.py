"""Log lines: their form, and that writing them holds nobody up."""

from __future__ import annotations

import io
import logging
import threading

import pytest
from twinboot import story
from twinboot.core.effects import Level


def test_the_line() -> None:
    text = story.line(at=1795366800.123, level="INFO", server="server1", event="group-claimed",
                      facts={"group": "first", "reason": "server2 dead for 1.02 s"})
    assert text == (
        '2026-11-22T17:00:00.123Z INFO server1 group-claimed group=first reason="server2 dead for 1.02 s"'
    )


@pytest.mark.parametrize(
    ("value", "shown"),
    [(1.0, "1"), (0.1234, "0.123"), (7, "7"), ("", '""'), ("a b", '"a b"'), ('say "x"\n', "\"say 'x' \""),
     ("192.168.0.253", "192.168.0.253")],
)
def test_facts_are_one_word_or_quoted(value: story.Fact, shown: str) -> None:
    assert story.line(at=0, level="INFO", server="s", event="e", facts={"k": value}).endswith(f" k={shown}")


class Stuck(io.StringIO):
    """A pipe whose reader has stopped, until let go."""

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Event()

    def write(self, text: str) -> int:
        self.go.wait(5)
        return super().write(text)


def test_a_stuck_reader_delays_nobody_and_lost_lines_are_named() -> None:
    out = Stuck()
    handler = story.StoryHandler("server1", out)
    logger = logging.Logger("twinboot.test")
    logger.addHandler(handler)
    for number in range(2500):
        story.say(logger, Level.INFO, "tick", number=number)
    out.go.set()
    handler.close()
    lines = out.getvalue().splitlines()
    assert "number=0" in lines[0]
    lost = [int(line.split("count=")[1]) for line in lines if "log-lines-lost" in line]
    assert lost
    assert sum(lost) + len(lines) - len(lost) == 2500


def test_foreign_loggers_and_errors_are_lines_too() -> None:
    out = io.StringIO()
    handler = story.StoryHandler("server1", out)
    logger = logging.Logger("asyncio")
    logger.addHandler(handler)
    try:
        raise ValueError("broken")
    except ValueError:
        logger.exception("it failed")
    handler.close()
    assert 'ERROR server1 asyncio message="it failed" error="ValueError: broken"' in out.getvalue()
