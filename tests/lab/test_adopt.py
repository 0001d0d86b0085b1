"""Downloads of clients that do not resume, while their server dies or hands over: none notices."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
from adopthelp import Fetch
from labhelp import ODD, host
from twinlab import Lab
from twinlab.wait import until

PROGRAMS = ("curl", "curl-dracut", "wget", "lftp", "busybox")
BOTH_ON_2 = {"first": "server2", "second": "server2"}
HOME = {"first": "server1", "second": "server2"}
SLOW_BYTES = 1200 << 10


def no_client_notices(lab: Lab, sha256: str, fault: str, programs: dict[str, str]) -> None:
    """programs: by scheme, all at the same time. Every byte right, and not one reset."""
    address = lab.address("first")
    with host(lab, ODD) as client:
        fetches = [Fetch.start(lab, client, one, scheme, address) for scheme, one in programs.items()]
        for fetch in fetches:
            fetch.under_way(1 << 20)
        with lab.fault(fault, 1):
            lab.wait_owned(BOTH_ON_2)
            for fetch in fetches:
                fetch.finish(sha256)
        for fetch in fetches:
            assert fetch.resets() == "", fetch.name
            assert fetch.silence_s() < 15, fetch.name


def test_downloads_outlive_their_server(lab: Lab, big_sha256: str) -> None:
    no_client_notices(lab, big_sha256, "power-off", {"http": "curl", "ftp": "lftp"})
    connections = lab.server(2).status()["connections"]  # type: ignore[index]
    assert connections["adopter"]
    assert sum(connections["totals"]["adopted"].values()) >= 3
    assert "reset" not in connections["totals"]


@pytest.mark.long
@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("fault", ["power-off", "standby"])
def test_no_client_notices(lab: Lab, big_sha256: str, fault: str, program: str) -> None:
    no_client_notices(lab, big_sha256, fault, {"http": program, "ftp": program})


@pytest.mark.long
@pytest.mark.parametrize("program", ["curl", "lftp", "wget"])
def test_a_connection_moves_three_times(lab: Lab, big_sha256: str, program: str) -> None:
    """Power-off, failback to the server that is back, and a second power-off right after it."""
    address = lab.address("first")
    with ExitStack() as stack:
        client = stack.enter_context(host(lab, ODD))
        fetches = [
            Fetch.start(lab, client, program, scheme, address, SLOW_BYTES) for scheme in ("http", "ftp")
        ]
        for fetch in fetches:
            fetch.under_way(1 << 20)
        with lab.fault("power-off", 1):
            lab.wait_owned(BOTH_ON_2)
            size = {fetch.name: fetch.size() for fetch in fetches}
            for fetch in fetches:
                fetch.under_way(size[fetch.name] + (1 << 20))
        lab.wait_owned(HOME)
        assert all(one.process.poll() is None for one in fetches), "the file is too short for this test"
        with lab.fault("power-off", 1):
            lab.wait_owned(BOTH_ON_2)
            for fetch in fetches:
                fetch.finish(big_sha256)
        for fetch in fetches:
            assert fetch.resets() == "", fetch.name


@pytest.mark.long
@pytest.mark.parametrize("fault", ["freeze-service", "kill-service"])
def test_a_dead_or_hung_adopter_delays_no_move(lab: Lab, fault: str) -> None:
    """On both servers; the addresses go over by a power-off and come back by an orderly move."""
    address = lab.address("first")
    with ExitStack() as stack:
        for number in (1, 2):
            stack.enter_context(lab.fault(fault, number, "adopter"))
        until(lambda: any("adopter is missing" in one for one in lab.server(2).status()["alarms"]),  # type: ignore[index]
              "the alarm", timeout_s=30)
        prober = stack.enter_context(lab.prober([address]))
        with lab.fault("power-off", 1):
            lab.wait_owned(BOTH_ON_2)
        lab.wait_owned(HOME)
        assert max((gap.seconds for gap in prober.seen()[address].gaps()), default=0.0) < 5
