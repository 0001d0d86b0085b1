"""A takeover process that ends in the middle of its work: what its clients and those of the services see of
it."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
from downloadhelp import Fetch
from labhelp import ODD, host
from twinlab import Lab
from twinlab.host.server import Server
from twinlab.host.wait import until

BOTH_ON_2 = {"first": "server2", "second": "server2"}
TAKEOVER = "twinboot-takeover-1"
SLOW_BYTES = 1200 << 10


def renew(server: Server, how: str) -> None:
    """The takeover process ends, and another one begins; returns when it is known to the agent."""
    if how == "recreate":
        server.compose("up", "-d", "--no-deps", "--force-recreate", "takeover")
    elif how == "kill":
        server.exec("sh", "-c", f"kill -9 $(docker inspect -f '{{{{.State.Pid}}}}' {TAKEOVER})")
    else:
        server.docker("restart", TAKEOVER)
    until(
        lambda: "takeover-process-started" in server.logs("takeover", tail=3),
        "another takeover process",
        timeout_s=20,
    )
    until(lambda: bool((server.status() or {"connections": {}})["connections"].get("takeover")), "its report",
          timeout_s=20)


@pytest.mark.long
@pytest.mark.parametrize(
    ("fault", "how"), [("power-off", "kill"), ("power-off", "recreate"), ("standby", "restart")])
def test_connections_of_the_services_are_followed_on_by_the_next_takeover(
    lab: Lab, big_sha256: str, fault: str, how: str
) -> None:
    """What was seen before the takeover process's end is known after it: the next move carries these over,
    too."""
    address = lab.address("first")
    with host(lab, ODD) as client:
        fetches = [
            Fetch.start(lab, client, "curl", scheme, address, 2 * SLOW_BYTES) for scheme in ("http", "ftp")
        ]
        for fetch in fetches:
            fetch.under_way(1 << 20)
        renew(lab.server(1), how)
        with lab.fault(fault, 1):
            lab.wait_owned(BOTH_ON_2)
            for fetch in fetches:
                fetch.finish(big_sha256)
        assert [fetch.resets() for fetch in fetches] == ["", ""]


@pytest.mark.long
@pytest.mark.parametrize("how", ["restart", "recreate", "kill"])
def test_what_a_takeover_process_serves_is_gone_on_with_by_the_next_one(
    lab: Lab, big_sha256: str, how: str
) -> None:
    """An image that is swapped, a restart, or a kill: the clients see a pause."""
    address = lab.address("first")
    with host(lab, ODD) as client, ExitStack() as stack:
        fetches = [
            Fetch.start(lab, client, program, scheme, address, SLOW_BYTES)
            for program in ("curl", "lftp") for scheme in ("http", "ftp")
        ]
        for fetch in fetches:
            fetch.under_way(1 << 20)
        stack.enter_context(lab.fault("power-off", 1))
        lab.wait_owned(BOTH_ON_2)
        for _ in range(2):
            had = {fetch.name: fetch.size() for fetch in fetches}
            for fetch in fetches:
                fetch.under_way(had[fetch.name] + (1 << 20))
            renew(lab.server(2), how)
        assert all(fetch.process.poll() is None for fetch in fetches), "the file is too short for this test"
        for fetch in fetches:
            fetch.finish(big_sha256)
            assert fetch.resets() == "", fetch.name
            print(fetch.name, "silent for", fetch.silence_s())
            assert fetch.silence_s() < 15


def test_a_takeover_process_that_is_stopped_ends_in_order_and_leaves_nothing_behind(lab: Lab) -> None:
    server = lab.server(2)
    try:
        server.docker("stop", TAKEOVER)
        assert server.docker("inspect", "-f", "{{.State.ExitCode}}", TAKEOVER).out.strip() == "0"
        assert "twinboot_takeover" not in server.exec("nft", "list", "tables").out
    finally:
        server.docker("start", TAKEOVER)
    until(lambda: "twinboot_takeover" in server.exec("nft", "list", "tables").out, "the next", timeout_s=20)
