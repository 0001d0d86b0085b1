"""Report lines: `standin: event=NAME key=value ... t=SECONDS`, one per step, where a test can read them.

In a machine they go to the kernel's console and to the first serial line, in a container to stdout.
Owns the format and the clock; does not decide what is worth a line.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

Report = Callable[..., None]  # report("event", key=value, ...)

_WORD = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:/@%+,-~")


def _value(value: object) -> str:
    """A bare word when it is one, else in double quotes on one line."""
    text = " ".join(str(value).split())
    if text and _WORD.issuperset(text):
        return text
    return '"' + text.replace('"', "'") + '"'


def line(event: str, fields: dict[str, object], seconds: float) -> str:
    words = [f"event={event}", *(f"{key}={_value(value)}" for key, value in fields.items())]
    return f"standin: {' '.join(words)} t={seconds:.2f}"


class Reporter:
    """Writes each report line to every stream it was given; a dead console never stops an install."""

    def __init__(self, *, paths: tuple[Path, ...], clock: Callable[[], float]) -> None:
        self._paths = paths
        self._clock = clock

    def __call__(self, event: str, **fields: object) -> None:
        text = line(event, fields, self._clock()) + "\n"
        if not self._paths:
            sys.stdout.write(text)
            sys.stdout.flush()
        for path in self._paths:
            try:
                with path.open("w", encoding="utf-8") as stream:
                    stream.write(text)
            except OSError:
                continue


def machine_reporter() -> Reporter:
    """For a machine: seconds since its kernel started; /dev/console, and ttyS0 unless it is the same."""
    active = Path("/sys/class/tty/console/active").read_text(encoding="ascii").split()
    paths = [Path("/dev/console")]
    if "ttyS0" not in active and Path("/dev/ttyS0").exists():
        paths.append(Path("/dev/ttyS0"))

    def uptime_s() -> float:
        return float(Path("/proc/uptime").read_text(encoding="ascii").split()[0])

    return Reporter(paths=tuple(paths), clock=uptime_s)


def stdout_reporter() -> Reporter:
    """For a container: seconds since the programme started."""
    start = time.monotonic()
    return Reporter(paths=(), clock=lambda: time.monotonic() - start)
