"""Power-offs at random moments, while programs that installers fetch with fetch hundreds of files.

No file may be wrong, no program may end or hang, and none may be told of the move by a reset. (Whoever has
closed already may be: a kernel that had a segment twice does that, move or no move.)
`make bench-random` does it with all programs, many times, with figures. RANDOM_SEED chooses other moments.
"""

from __future__ import annotations

import os
import random

import pytest
from twinlab import Lab
from twinlab.host import testlab
from twinlab.programs.atrandom import FetchWorkers
from twinlab.programs.fetching import trees

SEED = int(os.environ.get("RANDOM_SEED", "2008"))
ROUNDS = 2
WANTED = [
    ("curl", "http"), ("curl", "ftp"), ("curl-dracut", "ftp"), ("wget", "http"), ("lftp", "ftp"),
    ("busybox", "http"), ("d-i", "ftp"), ("dnf", "http"), ("dnf", "ftp"), ("apt", "http"),
]

pytestmark = pytest.mark.long


def test_no_program_notices_at_any_moment() -> None:
    lab = Lab(testlab.name("random"))
    lab.down()
    with lab:
        lab.up(trees=trees(), patch={"takeover": "on"})
        with FetchWorkers.on(lab, WANTED, "20mbit", SEED) as workers, lab.events() as events:
            workers.under_way()
            rounds = [workers.round(random.Random(f"{SEED}/{number}"), events) for number in range(ROUNDS)]
            workers.stop()
            found = workers.seen(rounds)
    assert all(one["met"] for one in found), [(one["name"], one["turns"], one["other"]) for one in found]
    assert [(one["name"], turn) for one in found for turn in one["failed"]] == []
    assert [(one["name"], reset) for one in found for reset in one["reset"] if not reset[-1]] == []
