"""Downloads of clients behind NAT and behind strict packet filters outlive their server.

FTP's active mode, too, is tried in network namespaces: tests/netns/test_filtered_clients_net.py.
"""

from __future__ import annotations

from typing import Any

import pytest
from downloadhelp import Fetch
from filteredclients import FILTERED
from twinlab import Lab

BOTH_ON_2 = {"first": "server2", "second": "server2"}
PROGRAMS = {"curl": "http", "lftp": "ftp"}


def moved(lab: Lab) -> dict[str, int]:
    """What became of connections that came to the second server, of all services."""
    status = lab.server(2).status()
    assert status is not None
    totals: dict[str, dict[str, Any]] = status["connections"]["totals"]
    return {outcome: int(sum(counts.values())) for outcome, counts in totals.items()}


@pytest.mark.parametrize("fault", ["power-off", pytest.param("standby", marks=pytest.mark.long)])
@pytest.mark.parametrize(
    "behind", [pytest.param(one, marks=[] if one == "NAT" else [pytest.mark.long]) for one in FILTERED]
)
def test_no_filtered_client_notices(lab: Lab, big_sha256: str, behind: str, fault: str) -> None:
    """Every byte right, and not one reset."""
    before = moved(lab)
    with FILTERED[behind](lab) as client:
        fetches = [Fetch.start(lab, client, program, scheme, lab.address("first"))
                   for program, scheme in PROGRAMS.items()]
        for fetch in fetches:
            fetch.under_way(1 << 20)
        with lab.fault(fault, 1):
            lab.wait_owned(BOTH_ON_2)
            for fetch in fetches:
                fetch.finish(big_sha256)
            after = moved(lab)
        for fetch in fetches:
            assert fetch.resets() == "", fetch.name
            assert fetch.silence_s() < 15, fetch.name
    assert after["taken-over"] - before.get("taken-over", 0) >= len(fetches)
    assert after.get("silent", 0) == before.get("silent", 0)
