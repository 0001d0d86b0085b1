"""A big site's work in several processes: each does a part of it, at the same time.

The processes are forked, so that they need no copy of the site; results come back by a pipe, as pickle has
them. Source: fork(2), pipe(7).
"""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import threading
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

LEAST_ITEMS = 1000
"""Of a part: with fewer, a process costs more than it saves."""
MOST_PARTS = 8


def in_parts(work: Callable[[Sequence[Item]], Result], items: Sequence[Item]) -> list[Result]:
    """What `work` makes of each part of the items, in their order; one part when it is not worth more.

    work changes nothing but its result, which pickle can hold. Raises what it raises: a part whose process
    failed is done anew in this one.
    """
    count = max(1, min(_processors(), MOST_PARTS, len(items) // LEAST_ITEMS))
    ends = [len(items) * number // count for number in range(count + 1)]
    own, *others = (items[begin:end] for begin, end in pairwise(ends))
    children: list[_Child[Result]] = []
    try:
        for part in others:
            children.append(_Child(lambda part=part: work(part)))  # type: ignore[misc]
        results = [work(own)]
        for part, child in zip(others, children, strict=True):
            found = child.result()
            results.append(work(part) if found is None else found[0])
        return results
    finally:
        for child in children:
            child.end()


def _processors() -> int:
    """Usable ones. One where there are threads: a lock that another one holds stays locked in a child."""
    return len(os.sched_getaffinity(0)) if threading.active_count() == 1 else 1


class _Child(Generic[Result]):
    """A process that does some work, tells its result and ends."""

    def __init__(self, work: Callable[[], Result]) -> None:
        read, write = os.pipe()
        self._pid = os.fork()
        if not self._pid:
            _do(work, write)
        os.close(write)
        self._pipe = os.fdopen(read, "rb")

    def result(self) -> tuple[Result] | None:
        """None when it failed, whatever the reason."""
        with contextlib.suppress(EOFError, pickle.UnpicklingError):
            return (pickle.load(self._pipe),)
        return None

    def end(self) -> None:
        self._pipe.close()
        os.kill(self._pid, signal.SIGKILL)  # not waited for yet: the number is still its own
        os.waitpid(self._pid, 0)


def _do(work: Callable[[], object], write: int) -> None:
    """Ends the process in any case: what its parent would do on the way out is not to be done twice."""
    status = 1
    try:
        with os.fdopen(write, "wb") as pipe:
            pickle.dump(work(), pipe, pickle.HIGHEST_PROTOCOL)
        status = 0
    finally:
        os._exit(status)
