"""Every program of the sweeps and of the matrix has a machine to run on."""

from __future__ import annotations

import pytest
from twinlab.programs.fetching import setting_of
from twinlab.programs.middleboxes import BEHIND
from twinlab.programs.programs import PROGRAMS
from twinlab.programs.sweeps import SWEEPS


@pytest.mark.parametrize("program", sorted({*PROGRAMS, *SWEEPS}))
def test_its_setting_is_known(program: str) -> None:
    without, behind = setting_of(program)
    assert all(name.startswith("tcp_") for name in without)
    assert behind in BEHIND


def test_a_client_behind_nat_is_put_there() -> None:
    assert setting_of("curl-behind-nat") == ((), "NAT")
    assert setting_of("lftp-mirror") == ((), "")
