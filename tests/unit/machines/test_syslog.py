"""What installers say by syslog: forms, bounds, and what would hurt a terminal or a disk."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twinboot.installers.reporting import LOG_PORT
from twinboot.machines import syslog
from twinboot.machines.log_bounds import ALL_BURST, HOST_BURST, HOST_PER_S, MAX_HOSTS, LineBounds
from twinboot.machines.syslog import MAX_MESSAGE, line_of

AT = 1_700_000_000.0
MOMENT = "2023-11-14 22:13:20"


def test_both_sides_know_one_port() -> None:
    assert syslog.PORT == LOG_PORT


@pytest.mark.parametrize(
    ("message", "line"),
    [
        (b"<11>Nov 29 21:00:01 localhost anaconda: no space left", "err anaconda: no space left"),
        (b"<14>Nov  9 21:00:01 main-menu[123]: 'x' selected", "info main-menu[123]: 'x' selected"),
        (b"<30>kernel: hello", "info kernel: hello"),
        (b"<165>1 2026-11-29T21:00:01Z host subiquity 8 ID47 - \xef\xbb\xbfdone", "notice subiquity: done"),
        (b'<12>1 - h installer - - [x@1 a="\\]\\""] low', "warning installer: low"),
        (b"no priority\r\n", "info no priority"),
        (b"<999>x", "debug x"),
        (b"<14>\x1b[31mred\x1b[0m \x07bell\nsecond", "info red ?bell second"),
        (b"<14>" + b"\xff\xfe", "info \ufffd\ufffd"),
    ],
)  # fmt: skip
def test_a_message_becomes_a_line(message: bytes, line: str) -> None:
    assert line_of(message, AT) == f"{MOMENT} {line}"


@pytest.mark.parametrize("message", [b"", b"\n", b"<14>", b"<14>Nov 29 21:00:01 ", b"\0\0"])
def test_nothing_said_is_no_line(message: bytes) -> None:
    assert line_of(message, AT) == ""


@given(st.binary(max_size=9000))
def test_whatever_is_sent_is_one_bounded_line(message: bytes) -> None:
    line = line_of(message, AT)
    assert "\n" not in line
    assert len(line) <= MAX_MESSAGE + 40
    assert line == "" or line.isprintable()


def test_a_flood_of_one_machine_leaves_room_for_others() -> None:
    bounds = LineBounds(0.0)
    taken = sum(bounds.take("one", 0.0) is not None for _ in range(20_000))
    assert taken == HOST_BURST < ALL_BURST
    assert bounds.take("two", 0.0) == 0
    assert bounds.take("one", 2 / HOST_PER_S) == 20_000 - taken, "and it is told what was left out"
    assert bounds.take("one", 2 / HOST_PER_S) == 0


def test_all_together_are_bounded() -> None:
    bounds = LineBounds(0.0)
    taken = sum(bounds.take(f"n{at}", 0.0) is not None for at in range(3 * MAX_HOSTS))
    assert taken == ALL_BURST
