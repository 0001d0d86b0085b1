"""Log lines: their form, and that writing them holds nobody up."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading

import pytest
from twinboot import log
from twinboot.core.effects import LogLevel


def test_the_line() -> None:
    text = log.format_line(at=1795366800.123, level="INFO", server="server1", event="group-claimed",
                      fields={"group": "first", "reason": "server2 dead for 1.02 s"})
    assert text == (
        '2026-11-22T17:00:00.123Z INFO server1 group-claimed group=first reason="server2 dead for 1.02 s"'
    )


@pytest.mark.parametrize(
    ("value", "shown"),
    [(1.0, "1"), (0.1234, "0.123"), (7, "7"), ("", '""'), ("a b", '"a b"'), ('say "x"\n', "\"say 'x' \""),
     ("192.168.0.253", "192.168.0.253")],
)
def test_fields_are_one_word_or_quoted(value: log.FieldValue, shown: str) -> None:
    assert log.format_line(at=0, level="INFO", server="s", event="e", fields={"k": value}).endswith(
        f" k={shown}"
    )


class Pipe:
    """A pipe as Docker gives one to a container; nobody reads it until read() is called."""

    def __init__(self) -> None:
        self._from, self.to = os.pipe()

    def read(self) -> str:
        """All that was and will be written, until every writer has closed."""
        os.close(self.to)
        with os.fdopen(self._from, "rb") as source:
            return source.read().decode()


def logger_to(handler: logging.Handler) -> logging.Logger:
    logger = logging.Logger("twinboot.test")
    logger.addHandler(handler)
    return logger


def test_a_pipe_that_nobody_reads_delays_nobody_and_lost_lines_are_named() -> None:
    pipe = Pipe()
    copy = os.dup(pipe.to)
    handler = log.LogHandler("server1", copy)
    logger = logger_to(handler)
    for number in range(4_000):
        log.log_event(logger, LogLevel.INFO, "tick", number=number)
    assert handler.lost > 500  # the pipe holds 64 KiB and the queue 2000 lines
    lost = handler.lost
    found: list[str] = []
    reader = threading.Thread(target=lambda: found.append(pipe.read()))
    reader.start()
    handler.close(limit_s=40)
    os.close(copy)
    reader.join(20)
    lines = found[0].splitlines()
    assert "number=0" in lines[0]
    named = [int(line.split("count=")[1]) for line in lines if "log-lines-lost" in line]
    assert sum(named) == lost
    assert sum(named) + len(lines) - len(named) == 4_000


def test_a_process_ends_though_nobody_reads_its_log() -> None:
    script = """
import logging
from twinboot import log
from twinboot.core.effects import LogLevel
handler = log.start_logging("server1")
for number in range(4_000):
    log.log_event(logging.getLogger("twinboot.test"), LogLevel.INFO, "tick", number=number)
handler.close()
"""
    pipe = Pipe()
    ended = subprocess.run([sys.executable, "-c", script], stdout=pipe.to, stderr=subprocess.PIPE, timeout=30)
    assert ended.returncode == 0, ended.stderr
    assert pipe.read().startswith("20")


def test_foreign_loggers_and_errors_are_lines_too() -> None:
    pipe = Pipe()
    handler = log.LogHandler("server1", pipe.to)
    logger = logging.Logger("asyncio")
    logger.addHandler(handler)
    try:
        raise ValueError("broken")
    except ValueError:
        logger.exception("it failed")
    handler.close()
    assert 'ERROR server1 asyncio message="it failed" error="ValueError: broken"' in pipe.read()
