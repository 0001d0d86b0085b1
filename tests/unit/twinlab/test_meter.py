"""The demo's arithmetic of stalls, on made-up times of data."""

import pytest
from twinlab.measure.meter import stall_around


@pytest.mark.parametrize(
    ("times", "at", "stall"),
    [
        ([1.0, 1.1, 1.2, 9.0, 9.1], 1.2, 7.8),
        ([1.0, 1.1, 1.2, 1.3, 9.0], 1.2, 7.7),  # what was queued still came after the fault
        ([1.0, 5.0, 5.1, 5.2, 5.3, 5.4, 5.5, 5.6, 5.7], 5.1, 0.1),  # an earlier pause is none of the fault's
        ([1.0, 1.1], 1.2, None),
        ([], 1.0, None),
    ],
)
def test_stall(times: list[float], at: float, stall: float | None) -> None:
    assert stall_around(times, at) == (None if stall is None else pytest.approx(stall))
