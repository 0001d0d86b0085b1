"""Every row of the fault matrix once: the right holder, never two, never two DHCP answers, home again.

Some rows are left to `make e2e`, as other tests show them, too.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from twinlab import Lab
from twinlab.measure.matrix import HOME, ROWS, Matrix, Row

BACK_S = 60.0
ELSEWHERE = (
    "LAN cable", "LAN rx-dead, carrier up", "LAN cut in two, the cables too", "crossover cable",
    "serial cable", "engine hangs", "engine killed", "engine stopped", "sidecar frozen, resumed",
    "power off", "graceful stop", "sidecar killed", "stand-by pruned, power off", "dhcpd killed",
    "vsftpd broken", "ARP filtered on the holder",
    "a foreign host answers, power off", "order differs on one server", "dhcpd in another group on one",
    "both started at once", "one started alone", "rolling upgrade",
)  # fmt: skip
"""Rows whose kind other tests of `make test` show, too: the takeover's, the LAN's, health's, the differing
sites', the agent's and the neighbours' (tests/netns) and the pruned stand-by's own, and the simulation."""
JOINED_S = 10.0  # a cut LAN that was joined has one holder after a second; never tight on a busy machine


@pytest.fixture(scope="module")
def matrix(session_lab: Lab) -> Iterator[Matrix]:
    session_lab.wait_owned(HOME)
    with session_lab.lan_recorder() as recorder:
        yield Matrix(session_lab, recorder)


@pytest.mark.parametrize(
    "row",
    [pytest.param(row, marks=[pytest.mark.long] if row.name in ELSEWHERE else []) for row in ROWS],
    ids=lambda row: row.name.replace(" ", "-"),
)
def test_row(lab: Lab, matrix: Matrix, row: Row) -> None:
    outcome = matrix.run(row)
    print(row.name, outcome.figures())
    assert outcome.after == row.after
    assert outcome.far == row.far
    assert outcome.doubles == (), "a client saw two holders of one address"
    assert outcome.joining_s < JOINED_S
    assert outcome.doubled_dhcp == (), "two DHCP servers answered one DISCOVER"
    assert row.outage or outcome.gap_s < BACK_S
