"""The clock the core is fed from."""

from __future__ import annotations

import time


def now() -> float:
    """Seconds that never go back and go on while the machine sleeps (CLOCK_BOOTTIME).

    A machine that slept has lost its leases; with CLOCK_MONOTONIC it would not notice.
    """
    return time.clock_gettime(time.CLOCK_BOOTTIME)
