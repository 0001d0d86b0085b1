"""Downloads while their server loses its address for a moment and has it again, with no peer there."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from downloadhelp import Fetch
from labhelp import ODD, agent_of, host
from twinlab import Lab
from twinlab.host.server import SIDECAR_CONTAINER, Server
from twinlab.host.wait import until

BOTH_ON_2 = {"first": "server2", "second": "server2"}
SLOW_BYTES = 2500 << 10


def hang_sidecar(lab: Lab, server: Server) -> None:
    """Until the kernel has taken the addresses, which it does by itself when nobody renews them."""
    agent = agent_of(server)
    server.exec("kill", "-STOP", agent)
    try:
        until(lambda: not server.has(lab.address("first")), "the kernel to take the address", timeout_s=15)
    finally:
        server.exec("kill", "-CONT", agent)


def pull_cable(lab: Lab, server: Server) -> None:
    """Until the server has let go of its addresses."""
    with lab.fault("unplug", server.name, "lan"):
        until(lambda: not server.has(lab.address("first")), "the address to be let go", timeout_s=15)


def restart_sidecar(_: Lab, server: Server) -> None:
    """It lets go in good order; the next one does not know who had its addresses."""
    server.docker("restart", SIDECAR_CONTAINER)


@pytest.mark.parametrize("loss", [
    pull_cable,
    pytest.param(hang_sidecar, marks=pytest.mark.long),
    pytest.param(restart_sidecar, marks=pytest.mark.long),
])
def test_a_server_that_is_alone_goes_on_with_its_own_connections(
    lab: Lab, big_sha256: str, loss: Callable[[Lab, Server], None]
) -> None:
    """Those that it took over and those that began at it; the client of one that has ended hears nothing."""
    address, server = lab.address("first"), lab.server(2)
    with host(lab, ODD) as client:
        ended = Fetch.start(lab, client, "curl", "http", address)
        taken_over = Fetch.start(lab, client, "lftp", "ftp", address, SLOW_BYTES)
        for fetch in (ended, taken_over):
            fetch.under_way(1 << 20)
        with lab.fault("power-off", 1):
            lab.wait_owned(BOTH_ON_2)
            begun = [Fetch.start(lab, client, "wget", one, address, SLOW_BYTES) for one in ("http", "ftp")]
            for fetch in begun:
                fetch.under_way(1 << 20)
            ended.finish(big_sha256)
            lost_at = time.time()
            loss(lab, server)
            lab.wait_owned(BOTH_ON_2)
            for fetch in (taken_over, *begun):
                assert fetch.process.poll() is None, "the file is too short for this test"
            for fetch in (taken_over, *begun):
                fetch.finish(big_sha256)
            for fetch in (ended, taken_over, *begun):
                assert fetch.resets() == "", fetch.name
            assert max(ended.heard_at(80)) < lost_at
