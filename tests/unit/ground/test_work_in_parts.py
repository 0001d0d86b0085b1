"""Work in several processes: the same results as in one, whatever becomes of a process."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator, Sequence

import pytest
import twinboot.work_in_parts as parts
from twinboot.work_in_parts import LEAST_ITEMS, in_parts

NUMBERS = list(range(3 * LEAST_ITEMS + 7))
HERE = os.getpid()


@pytest.fixture(autouse=True)
def processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "_processors", lambda: 3)


@pytest.fixture(autouse=True)
def no_process_is_left() -> Iterator[None]:
    yield
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def doubled(part: Sequence[int]) -> list[int]:
    return [2 * number for number in part]


def flat(results: list[list[int]]) -> list[int]:
    return [number for part in results for number in part]


def test_each_part_has_a_process_and_the_order_stays() -> None:
    found = in_parts(lambda part: (os.getpid(), doubled(part)), NUMBERS)
    assert len({process for process, _ in found}) == 3
    assert flat([numbers for _, numbers in found]) == doubled(NUMBERS)


def test_results_larger_than_a_pipe_come_whole() -> None:
    assert in_parts(lambda part: b"x" * (len(part) * 5_000), NUMBERS) == [
        b"x" * (size * 5_000) for size in (1002, 1002, 1003)
    ]


@pytest.mark.parametrize("count", [0, 1, 2 * LEAST_ITEMS - 1])
def test_little_work_stays_in_one(count: int) -> None:
    found = in_parts(lambda part: (os.getpid(), doubled(part)), NUMBERS[:count])
    assert found == [(HERE, doubled(NUMBERS[:count]))]


def killed(part: Sequence[int]) -> list[int]:
    if os.getpid() != HERE:
        os.kill(os.getpid(), signal.SIGKILL)
    return doubled(part)


def ended(part: Sequence[int]) -> list[int]:
    if os.getpid() != HERE:
        raise SystemExit(0)
    return doubled(part)


@pytest.mark.parametrize("work", [killed, ended])
def test_the_part_of_a_process_that_dies_is_done_all_the_same(work: object) -> None:
    assert flat(in_parts(work, NUMBERS)) == doubled(NUMBERS)  # type: ignore[arg-type]


@pytest.mark.parametrize("bad", [0, len(NUMBERS) // 2, len(NUMBERS) - 1])
def test_a_fault_is_raised_as_in_one(bad: int, capfd: pytest.CaptureFixture[str]) -> None:
    def work(part: Sequence[int]) -> list[int]:
        if bad in part:
            raise ValueError(f"{bad} is wrong")
        return doubled(part)

    with pytest.raises(ValueError, match=f"{bad} is wrong"):
        in_parts(work, NUMBERS)
    assert capfd.readouterr() == ("", "")


def test_beside_threads_all_is_done_in_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    done = threading.Event()
    other = threading.Thread(target=done.wait)
    other.start()
    try:
        assert [process for process, in in_parts(lambda _: (os.getpid(),), NUMBERS)] == [HERE]
    finally:
        done.set()
        other.join()
