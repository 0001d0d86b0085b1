"""Waiting for a condition instead of for time; and what is done now and then meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from twinlab.host.engine import LabError

T = TypeVar("T")


def until(
    condition: Callable[[], T | None],
    what: str,
    *,
    timeout_s: float,
    every_s: float = 0.3,
    alive: Callable[[], None] | None = None,
) -> T:
    """Poll `condition` until it gives something true, and hand that out.

    What takes long to ask (a command in a server's container) is asked half of the time at most: it takes the
    processor from what is waited for.
    `alive` is called between polls and raises when waiting on has no use (a container has died).
    """
    deadline = time.monotonic() + timeout_s
    while True:
        begun = time.monotonic()
        found = condition()
        if found:
            return found
        took_s = time.monotonic() - begun
        if alive is not None:
            alive()
        if time.monotonic() > deadline:
            raise LabError(f"waited {timeout_s:g} s in vain for: {what}")
        time.sleep(max(every_s, took_s))


@contextmanager
def repeatedly(every_s: float, call: Callable[[], None]) -> Iterator[None]:
    """While the block runs, the call is made every so many seconds, in a thread."""
    stop = threading.Event()

    def run() -> None:
        while not stop.wait(every_s):
            call()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(10)
