"""What images speak is asked of the engine again and again, and told when it changes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping

import pytest
from twinboot.agent.takeover import dialects
from twinboot.agent.takeover.dialects import SERVICES, DialectWatch
from twinboot.errors import ResourceError

BEFORE = {"vsftpd": "vsftpd-3.0", "httpd": "nginx-1.26"}
SWAPPED = {"vsftpd": "", "httpd": "nginx-1.26"}
LAST = {"vsftpd": "", "httpd": "nginx-1.28"}


class Engine:
    """Answers with one of these after the other, an error too, and then with the last."""

    def __init__(self, *answers: Mapping[str, str] | ResourceError) -> None:
        self._answers = list(answers)

    def dialects(self, services: Iterable[str]) -> Mapping[str, str]:
        assert tuple(services) == SERVICES
        found = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(found, ResourceError):
            raise found
        return found


def test_a_change_is_told_once_and_a_silent_engine_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialects, "ASK_EVERY_S", 0.001)
    told: list[Mapping[str, str]] = []

    async def watch() -> None:
        over = asyncio.Event()

        def tell(found: Mapping[str, str]) -> None:
            told.append(found)
            if found == LAST:
                over.set()

        answers = (BEFORE, BEFORE, ResourceError("engine", "it hangs"), {}, BEFORE, SWAPPED, SWAPPED, LAST)
        found = DialectWatch(Engine(*answers), tell)
        await asyncio.wait_for(over.wait(), 60)
        found.close()

    asyncio.run(watch())
    assert told == [BEFORE, SWAPPED, LAST]
