"""A part of the client matrix: programs that no retry of their own saves. None may notice a power-off.

`make bench-clients` runs the whole of it, with figures.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from twinlab import Lab
from twinlab.host import testlab
from twinlab.programs.clientmatrix import run
from twinlab.programs.fetching import Fetchers, trees

PROGRAMS = (
    "curl", "curl-http2", "curl-without-sack", "curl-without-scaling", "curl-dracut", "lftp", "busybox",
)
FAULT = "power-off in mid-file"

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def fetchers() -> Iterator[tuple[Lab, Fetchers]]:
    lab = Lab(testlab.name("clients"))
    lab.down()
    with lab.up(trees=trees(), patch={"takeover": "on"}), Fetchers.on(lab.layout, PROGRAMS) as machines:
        yield lab, machines


def test_no_program_notices(fetchers: tuple[Lab, Fetchers]) -> None:
    lab, machines = fetchers
    found = run(lab, machines, FAULT)
    assert [one for one in found.verdicts if not one.finished or one.resets] == []
    assert all((one.silence_s or 0.0) < 15 for one in found.verdicts), found
