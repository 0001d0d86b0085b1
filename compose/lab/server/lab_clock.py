"""Turns the time of day of one Python process by the seconds in a file (the fault `clock` of scripts/lab).

A time namespace has no CLOCK_REALTIME of its own (time_namespaces(7)), the machine has one clock for all,
and libfaketime makes the process stall. Monotonic clocks are left alone, as they are when a clock is set.
"""

import os
import time

_path = os.environ.get("LAB_CLOCK", "")
_time, _time_ns, _clock_gettime = time.time, time.time_ns, time.clock_gettime


def _offset_s() -> int:
    try:
        with open(_path) as file:
            return int(file.read())
    except (OSError, ValueError):
        return 0


def _gettime(clock: int) -> float:
    return _clock_gettime(clock) + (_offset_s() if clock == time.CLOCK_REALTIME else 0)


if _path:
    time.time = lambda: _time() + _offset_s()
    time.time_ns = lambda: _time_ns() + _offset_s() * 10**9
    time.clock_gettime = _gettime
