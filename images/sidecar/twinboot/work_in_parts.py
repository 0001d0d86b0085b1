"""A big site's work in several processes: each does some parts of it, at the same time.

The processes are forked, so that they need no copy of the site; what they have made comes back as pickle has
it. Source: fork(2), pipe(7), memfd_create(2).
"""

from __future__ import annotations

import contextlib
import gc
import os
import pickle
import signal
import threading
from collections.abc import Callable, Sequence
from itertools import pairwise
from types import TracebackType
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

LEAST_ITEMS = 1000
"""For each process: with fewer, it costs more than it saves."""
MOST_PROCESSES = 8
_PARTS = 64
"""Whoever has done one takes the next one: so that all have work until the end."""


class InParts(Generic[Result]):
    """What `work` makes of each part of the items. Use as a context: other processes begin with it at once,
    this one when results() is called.

    work changes nothing but its result, which pickle can hold. Python's garbage collector rests meanwhile: it
    would look at the whole site again and again, and in a forked process copy it (gc, gc.freeze()).
    """

    def __init__(self, work: Callable[[Sequence[Item]], Result], items: Sequence[Item]) -> None:
        processes = max(1, min(_processors(), MOST_PROCESSES, len(items) // LEAST_ITEMS))
        count = _PARTS if processes > 1 else 1
        ends = [len(items) * number // count for number in range(count + 1)]
        parts = [items[begin:end] for begin, end in pairwise(ends)]
        self._make: Callable[[int], Result] = lambda number: work(parts[number])
        self._count = count
        self._left = _Numbers(count)
        self._children: list[_Child[Result]] = []
        self._collects = gc.isenabled()
        gc.disable()
        try:
            for _ in range(processes - 1):
                self._children.append(_Child(self._made_here))
        except BaseException:
            self._end()
            raise

    def __enter__(self) -> InParts[Result]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def results(self) -> list[Result]:
        """In the order of the items. What a process has failed to do is done anew in this one: so that work's
        own error is raised, that of the first items which have one."""
        made: dict[int, Result] = {}
        with contextlib.suppress(Exception):
            made = self._made_here()
        for child in self._children:
            made |= child.made()
        return [made[number] if number in made else self._make(number) for number in range(self._count)]

    def _made_here(self) -> dict[int, Result]:
        return {number: self._make(number) for number in iter(self._left.next, None)}

    def _end(self) -> None:
        for child in self._children:
            child.end()
        self._left.close()
        if self._collects:
            gc.enable()


class _Numbers:
    """Each goes to one process: a pipe that holds a byte for each."""

    def __init__(self, count: int) -> None:
        self._read, write = os.pipe()
        os.write(write, bytes(range(count)))
        os.close(write)

    def next(self) -> int | None:
        """Number of the next part; None when there are no more."""
        found = os.read(self._read, 1)
        return found[0] if found else None

    def close(self) -> None:
        os.close(self._read)


class _Child(Generic[Result]):
    """A process that makes some results and ends."""

    def __init__(self, make: Callable[[], dict[int, Result]]) -> None:
        self._file = os.fdopen(os.memfd_create("results"), "w+b")
        self._pid = os.fork()
        if not self._pid:
            self._do(make)
        self._ended = False

    def _do(self, make: Callable[[], dict[int, Result]]) -> None:
        """Ends the process in any case: what its parent would do on the way out is not to be done twice."""
        status = 1
        try:
            pickle.dump(make(), self._file, pickle.HIGHEST_PROTOCOL)
            self._file.flush()
            status = 0
        finally:
            os._exit(status)

    def made(self) -> dict[int, Result]:
        """Waits for its end. Nothing, when it has failed, whatever the reason."""
        _, status = os.waitpid(self._pid, 0)
        self._ended = True
        if status:
            return {}
        self._file.seek(0)
        made: dict[int, Result] = pickle.load(self._file)
        return made

    def end(self) -> None:
        self._file.close()
        if not self._ended:
            os.kill(self._pid, signal.SIGKILL)  # not waited for yet: the number is still its own
            os.waitpid(self._pid, 0)


def _processors() -> int:
    """Usable ones. One where there are threads: a lock that another one holds stays locked in a child."""
    return len(os.sched_getaffinity(0)) if threading.active_count() == 1 else 1
