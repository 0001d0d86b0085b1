"""One answer for all who ask within a second."""

from __future__ import annotations

import asyncio

import pytest
from twinboot_page.cache import KEEP_S, MAX_KEYS, Cache


class Source:
    """Counts; waits when it is told to; fails when it is told to."""

    def __init__(self) -> None:
        self.asked, self.fails = 0, False
        self.go = asyncio.Event()
        self.go.set()

    async def make(self) -> int:
        self.asked += 1
        await self.go.wait()
        if self.fails:
            raise OSError("down")
        return self.asked


def test_all_who_ask_at_once_wait_for_one_answer_and_it_is_kept_for_a_second() -> None:
    async def scenario() -> None:
        now = [10.0]
        cache, source = Cache(lambda: now[0]), Source()
        source.go.clear()
        waiting = [asyncio.create_task(cache.get("a", source.make)) for _ in range(5)]
        await asyncio.sleep(0)
        waiting[0].cancel()  # one who goes away takes the others' answer not along
        await asyncio.sleep(0)
        source.go.set()
        assert await asyncio.gather(*waiting[1:]) == [1] * 4
        now[0] += KEEP_S / 2
        assert await cache.get("a", source.make) == 1
        assert await cache.get("b", source.make) == 2
        now[0] += KEEP_S
        assert await cache.get("a", source.make) == 3
        cache.forget()
        assert await cache.get("a", source.make) == 4

    asyncio.run(scenario())


def test_a_failure_is_not_kept_and_keys_are_bounded() -> None:
    async def scenario() -> None:
        cache, source = Cache(lambda: 0.0), Source()
        source.fails = True
        with pytest.raises(OSError, match="down"):
            await cache.get("a", source.make)
        source.fails = False
        assert await cache.get("a", source.make) == 2
        for key in range(2 * MAX_KEYS):
            await cache.get(str(key), source.make)
        assert len(cache._known) == MAX_KEYS

    asyncio.run(scenario())
