"""What services have in common: they react to what a connection shows, a moment later."""

from __future__ import annotations

from .kernel import Kernel

REACTS_WITHIN_S = 0.002


class Reactor:
    """Does its work a little after something has changed; once for many changes."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self._due = False

    def wake(self) -> None:
        if not self._due:
            self._due = True
            self.kernel.clock.after(self.kernel.draw.random() ** 4 * REACTS_WITHIN_S, self._run)

    def _run(self) -> None:
        self._due = False
        if self.kernel.alive:
            self.work()

    def work(self) -> None:
        raise NotImplementedError
