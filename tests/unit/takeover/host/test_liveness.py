"""The takeover process ends when its interface is another one, and not while it is away."""

from __future__ import annotations

import asyncio

import pytest
from twinboot.takeover.host import liveness


@pytest.mark.parametrize(("begun", "seen"), [
    (3, [3, 3, 0, 0, 7]),  # a network restart
    (0, [0, 0, 4]),  # it came later than the process
    (3, [0, 3, 0, 9]),  # down and up is no other interface
])
def test_it_waits_until_another_interface_is_there(
        monkeypatch: pytest.MonkeyPatch, begun: int, seen: list[int]) -> None:
    monkeypatch.setattr(liveness, "LOOK_EVERY_S", 0.0)
    left = list(seen)
    asyncio.run(liveness.made_anew("eth0", begun, lambda _name: left.pop(0)))
    assert left == [], "it returned before the last look"


def test_the_process_ends_when_one_of_its_tasks_does() -> None:
    async def test() -> None:
        async def fails() -> None:
            raise ZeroDivisionError

        async def ends() -> None:
            return

        lasting, failing = asyncio.create_task(asyncio.sleep(60)), asyncio.create_task(fails())
        with pytest.raises(ZeroDivisionError):
            await liveness.run_until_one_ends(asyncio.Event().wait(), lasting, failing)  # type: ignore[arg-type]
        with pytest.raises(RuntimeError):
            await liveness.run_until_one_ends(ends(), lasting)
        assert not lasting.done()
        lasting.cancel()

    asyncio.run(test())
