"""A daemon that is slow on a busy machine is not taken for a broken one; a hanging one still is."""

from __future__ import annotations

import pytest
from twinboot import load_aware_timeout
from twinboot.load_aware_timeout import BUSY_TIMEOUT_S, TIMEOUT_S, CpuTimes, cpu_times, retry_if_busy


class Machine:
    """A daemon that answers after so long, on a machine whose processors idle for a share of the time."""

    def __init__(self, answers_s: float, idle: float, fault: str = "no answer") -> None:
        self.now, self.answers_s, self.idle, self.fault = 0.0, answers_s, idle, fault
        self.waited: list[float] = []

    def probe(self) -> str:
        limit_s = load_aware_timeout.timeout_s()
        waited = min(limit_s, self.answers_s)
        self.now += waited
        self.waited.append(waited)
        return "" if self.answers_s < limit_s else self.fault

    def times(self) -> CpuTimes:
        return round(200 * self.now * self.idle), round(200 * self.now)

    def ask(self) -> str:
        return retry_if_busy(self.probe, now=lambda: self.now, read_cpu_times=self.times)


@pytest.mark.parametrize(("answers_s", "idle", "waited", "served"), [
    (0.1, 0.0, [0.1], True),
    (4.0, 0.0, [TIMEOUT_S, 4.0], True),
    (4.0, 0.5, [TIMEOUT_S], False),
    (60.0, 0.0, [TIMEOUT_S, BUSY_TIMEOUT_S], False),
])
def test_who_is_asked_again(answers_s: float, idle: float, waited: list[float], served: bool) -> None:
    machine = Machine(answers_s, idle)
    assert (machine.ask() == "") is served
    assert machine.waited == waited
    assert load_aware_timeout.timeout_s() == TIMEOUT_S


def test_a_refusal_needs_no_second_try() -> None:
    calls: list[int] = []

    def refuses() -> str:
        calls.append(1)
        return "connection refused"

    assert (
        retry_if_busy(refuses, now=lambda: 0.0, read_cpu_times=lambda: (0, len(calls) * 100))
        == "connection refused"
    )
    assert len(calls) == 1


def test_the_processors_times_of_this_machine_grow() -> None:
    idle, whole = cpu_times()
    assert 0 < idle < whole
