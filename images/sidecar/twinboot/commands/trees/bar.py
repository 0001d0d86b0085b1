"""How far an import or a check is: a bar on a terminal, else a line now and then."""

from __future__ import annotations

import time
from typing import Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.text import Text

from twinboot.trees.free_space import in_words

_LINE_EVERY, _LINE_EVERY_S = 10, 2.0
"""Percent, and seconds: whichever takes longer."""


class Bar(Protocol):
    """See trees.importing.Progress. Use as a context."""

    def __enter__(self) -> Bar: ...

    def __exit__(self, *exc: object) -> None: ...

    def begin(self, what: str, size: int) -> None: ...

    def advance(self, size: int) -> None: ...


def bar() -> Bar:
    console = Console(highlight=False)
    return _OnTerminal(console) if console.is_terminal else _Lines()


class _Bytes(ProgressColumn):
    """`640 of 2,101 MB`; nothing while nobody knows how much there is."""

    def render(self, task: Task) -> Text:
        total = int(task.total or 0)
        return Text(f"{in_words(int(task.completed))} of {in_words(total)}" if total else "")


class _OnTerminal:
    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            SpinnerColumn(), TextColumn("{task.description}"), BarColumn(bar_width=None), _Bytes(),
            TransferSpeedColumn(), TimeRemainingColumn(compact=True), console=console,
        )  # fmt: skip
        self._task: TaskID | None = None

    def __enter__(self) -> Bar:
        self._progress.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._progress.stop()

    def begin(self, what: str, size: int) -> None:
        if self._task is not None:
            self._progress.remove_task(self._task)
        self._task = self._progress.add_task(what, total=size or None)

    def advance(self, size: int) -> None:
        if self._task is not None:
            self._progress.advance(self._task, size)


class _Lines:
    def __init__(self) -> None:
        self._what, self._size, self._done, self._told = "", 0, 0, 0
        self._began = self._told_at = 0.0

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *exc: object) -> None:
        return None

    def begin(self, what: str, size: int) -> None:
        self._what, self._size, self._done, self._told = what, size, 0, 0
        self._began = self._told_at = time.monotonic()
        print(f"{what}: {in_words(size)}" if size else what, flush=True)

    def advance(self, size: int) -> None:
        self._done += size
        percent = self._done * 100 // self._size if self._size else 0
        now = time.monotonic()
        if percent < self._told + _LINE_EVERY or now < self._told_at + _LINE_EVERY_S:
            return
        self._told_at = now
        self._told = percent - percent % _LINE_EVERY
        left = (now - self._began) * (self._size - self._done) / self._done
        print(f"{self._what}: {self._told} %, {in_words(self._done)} of {in_words(self._size)}, "
              f"{left:.0f} s left", flush=True)
