"""Forty machines install at once while a server loses its power and comes back. None may notice.

`make bench-storm` does it with two hundred, with figures.
"""

from __future__ import annotations

import pytest
from twinlab import Lab
from twinlab.host import testlab
from twinlab.programs.installstorm import Storm, narrow, one_install, patch, run_with_power_off, trees

MACHINES, MBIT = 40, 12

pytestmark = pytest.mark.long


def test_all_machines_come_through() -> None:
    lab = Lab(testlab.name("storm"))
    lab.down()
    with lab:
        lab.up(trees=trees(), patch=patch(MACHINES))
        for server in lab.servers.values():
            narrow(server, MBIT)
        with Storm.of(lab, MACHINES) as storm:
            found = run_with_power_off(lab, storm, MACHINES, MBIT)
    assert found["failed"] == []
    assert found["unfinished"] == 0
    assert found["resets"] == []
    assert found["bytes"] >= MACHINES * one_install()
    assert found["astray"] == 0
    assert all(0.4 < part < 0.6 for part in found["shares"].values()), found["shares"]
