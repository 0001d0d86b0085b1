"""Many whole installs at once while a server loses its power and comes back: none of them notices.

`make bench-storm` does it with 200 machines, and measures.
"""

from __future__ import annotations

import pytest
from twinlab import Lab, testlab
from twinlab.installstorm import PATCH, Storm, narrow, one_install, shares, trees
from twinlab.matrix import HOME, ON_2
from twinlab.wait import until

MACHINES, MBIT = 40, 20

pytestmark = pytest.mark.long


def test_every_install_ends_right() -> None:
    lab, total = Lab(testlab.name("storm")), MACHINES * one_install()
    lab.down()
    with pytest.MonkeyPatch.context() as patch, lab:
        patch.setenv("TWINBOOT_ADOPT", "on")
        lab.up(trees=trees(), patch=PATCH)
        for server in lab.servers.values():
            narrow(server, MBIT)
        with Storm.of(lab, MACHINES, rate=10) as storm:
            before = lab.wire_bytes()
            storm.wait_bytes(0.4 * total)
            part = shares(before, lab.wire_bytes(), storm.addresses)
            with lab.fault("power-off", 1):
                lab.wait_owned(ON_2)
                storm.wait_bytes(0.6 * total)
            narrow(lab.server(1), MBIT)
            lab.wait_owned(HOME)
            storm.wait_end()
            until(lambda: len(storm.ends) == MACHINES, "every machine's word", timeout_s=10)
            assert [end for end in storm.ends if end["error"]] == []
            assert storm.resets() == []
            assert all(0.4 < one < 0.6 for one in part.values()), part
