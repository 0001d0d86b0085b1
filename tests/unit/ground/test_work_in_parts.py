"""Work in several processes: the same results as in one, whatever becomes of a process."""

from __future__ import annotations

import gc
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import pytest
from twinboot import work_in_parts
from twinboot.work_in_parts import LEAST_ITEMS, InParts

NUMBERS = list(range(3 * LEAST_ITEMS + 7))
HERE = os.getpid()
Result = TypeVar("Result")


@pytest.fixture(autouse=True)
def processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work_in_parts, "_processors", lambda: 3)


def children() -> set[str]:
    """Processes of this one, also those that have ended and were not waited for (proc_pid_task(5))."""
    return {one for file in Path("/proc/self/task").glob("*/children") for one in file.read_text().split()}


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """Of this case: others may have left a process, a pool's say."""
    before, files = children(), len(os.listdir("/proc/self/fd"))
    yield
    assert children() <= before
    assert len(os.listdir("/proc/self/fd")) == files
    assert gc.isenabled()


def results(work: Callable[[Sequence[int]], Result], numbers: Sequence[int] = NUMBERS) -> list[Result]:
    with InParts(work, numbers) as parts:
        return parts.results()


def doubled(part: Sequence[int]) -> list[int]:
    return [2 * number for number in part]


def flat(found: list[list[int]]) -> list[int]:
    return [number for part in found for number in part]


def test_all_processes_work_at_the_same_time_and_the_order_stays() -> None:
    def work(part: Sequence[int]) -> tuple[int, list[int]]:
        time.sleep(0.002)
        return os.getpid(), doubled(part)

    with InParts(work, NUMBERS) as parts:
        time.sleep(0.01)  # what this one has to do meanwhile
        found = parts.results()
    assert len({process for process, _ in found}) == 3
    assert flat([numbers for _, numbers in found]) == doubled(NUMBERS)


def test_large_results_come_whole() -> None:
    found = results(lambda part: bytes([part[0] % 256]) * (len(part) * 5_000))
    assert sum(map(len, found)) == 5_000 * len(NUMBERS)
    begins = [number * len(NUMBERS) // len(found) for number in range(len(found))]
    assert [one[0] for one in found] == [begin % 256 for begin in begins]


@pytest.mark.parametrize("count", [0, 1, 2 * LEAST_ITEMS - 1])
def test_little_work_stays_in_one(count: int) -> None:
    found = results(lambda part: (os.getpid(), doubled(part)), NUMBERS[:count])
    assert found == [(HERE, doubled(NUMBERS[:count]))]


def killed(part: Sequence[int]) -> list[int]:
    if os.getpid() != HERE:
        os.kill(os.getpid(), signal.SIGKILL)
    return doubled(part)


def ended(part: Sequence[int]) -> list[int]:
    if os.getpid() != HERE:
        raise SystemExit(0)
    return doubled(part)


def no_pickle(part: Sequence[int]) -> Sequence[int]:
    return memoryview(bytes(len(part))) if os.getpid() != HERE else bytes(len(part))


@pytest.mark.parametrize("work", [killed, ended])
def test_what_a_process_that_dies_has_left_is_done_all_the_same(
    work: Callable[[Sequence[int]], list[int]]
) -> None:
    assert flat(results(work)) == doubled(NUMBERS)


def test_a_result_that_does_not_come_back_is_made_here(capfd: pytest.CaptureFixture[str]) -> None:
    assert sum(len(one) for one in results(no_pickle)) == len(NUMBERS)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("bad", [(0,), (17, 3000), (1500,), (2999, 3006)])
def test_the_first_fault_is_raised_as_in_one(bad: tuple[int, ...], capfd: pytest.CaptureFixture[str]) -> None:
    def work(part: Sequence[int]) -> list[int]:
        for number in bad:
            if number in part:
                raise ValueError(f"{number} is wrong")
        return doubled(part)

    for _ in range(5):
        with pytest.raises(ValueError, match=f"^{bad[0]} is wrong$"):
            results(work)
    assert capfd.readouterr() == ("", "")


def test_whoever_leaves_early_leaves_nothing_behind() -> None:
    def work(part: Sequence[int]) -> list[int]:
        time.sleep(60)
        return doubled(part)

    with pytest.raises(KeyError), InParts(work, NUMBERS):
        raise KeyError


def test_beside_threads_all_is_done_in_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    done = threading.Event()
    other = threading.Thread(target=done.wait)
    other.start()
    try:
        assert results(lambda _: os.getpid()) == [HERE]
    finally:
        done.set()
        other.join()
