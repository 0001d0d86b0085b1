"""Callers that wait until the cluster is as they want it: commands such as standby and resume."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from twinboot import core

Condition = Callable[[core.View], bool]
GetView = Callable[[], core.View]


class Waiting:
    """All on the loop. Costs nothing while nobody waits."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Condition, asyncio.Future[None]]] = []

    async def until(self, condition: Condition, get_view: GetView, limit_s: float) -> bool:
        """Wait until what is seen fulfils the condition; False when it did not in time."""
        if condition(get_view()):
            return True
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((condition, future))
        try:
            await asyncio.wait_for(future, limit_s)
        except TimeoutError:
            return condition(get_view())
        finally:
            self._waiting = [entry for entry in self._waiting if entry[1] is not future]
        return True

    def notify(self, get_view: GetView) -> None:
        """Something may be otherwise than before."""
        if not self._waiting:
            return
        view = get_view()
        for condition, future in self._waiting:
            if not future.done() and condition(view):
                future.set_result(None)
