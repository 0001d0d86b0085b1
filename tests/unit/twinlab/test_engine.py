"""How the lab calls its engine, where the engine may fail without need."""

from __future__ import annotations

import pytest
from twinlab.host import engine
from twinlab.host.engine import CommandError, Result, pause

UNABLE = "Error response from daemon: OCI runtime pause failed: unable to freeze: unknown"
ABSENT = "Error response from daemon: No such container: lab-server1"


class Engine:
    """Answers `docker pause` with these texts, one each time, and with success when there are no more."""

    def __init__(self, *errors: str) -> None:
        self.errors = list(errors)
        self.asked: list[tuple[str, ...]] = []

    def __call__(self, *args: str, check: bool = True) -> Result:
        self.asked.append(args)
        error = self.errors.pop(0) if self.errors else ""
        return Result(("docker", *args), 1 if error else 0, "", error)


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "PAUSE_AGAIN_S", 0)


@pytest.mark.parametrize("failures", [0, 1, engine.PAUSE_ATTEMPTS - 1])
def test_a_container_that_did_not_stand_still_at_once_is_paused_again(failures: int) -> None:
    busy = Engine(*failures * [UNABLE])
    pause("lab-server1", busy)
    assert busy.asked == (failures + 1) * [("pause", "lab-server1")]


def test_one_that_never_stands_still_is_told() -> None:
    busy = Engine(*engine.PAUSE_ATTEMPTS * [UNABLE])
    with pytest.raises(CommandError, match="unable to freeze"):
        pause("lab-server1", busy)
    assert len(busy.asked) == engine.PAUSE_ATTEMPTS


def test_another_error_is_told_at_once() -> None:
    without = Engine(ABSENT)
    with pytest.raises(CommandError, match="No such container"):
        pause("lab-server1", without)
    assert len(without.asked) == 1
