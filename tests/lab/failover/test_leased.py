"""Addresses are kernel leases: who cannot renew them loses them, for whatever reason; the engine delays none.

The sidecar's death, its planned end and a paused container are in test_failover.py; here are a process
that is stopped and goes on, and a Docker engine or an engine proxy that hangs, is killed or is away.
"""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from alarmhelp import alarm_keys
from labhelp import agent_of, nobody_twice
from twinboot.daemons import DHCPD
from twinlab import Lab
from twinlab.host.server import Server
from twinlab.host.wait import until

HOME = {"first": "server1", "second": "server2"}
BOTH_ON_2 = {"first": "server2", "second": "server2"}
OVERLAP_S = 4.5
"""What the kernel may keep an address for after its last renewal: 3 s, at most 4.2."""


def view_of(server: Server, agent: str) -> dict[str, Any]:
    """`twinboot status --json` past the engine, which may hang."""
    said = server.exec("nsenter", "-t", agent, "-m", "-n", "-p", "twinboot", "status", "--json", check=False)
    found: dict[str, Any] = json.loads(said.out) if said.ok else {"alarms": [], "peers": {}}
    return found


def dhcpd_runs(server: Server) -> bool:
    return server.exec("pgrep", "-x", DHCPD.process, check=False).ok


def test_a_stopped_sidecar_loses_its_address_and_lets_go_first_when_it_goes_on(lab: Lab) -> None:
    server, address = lab.server(1), lab.address("first")
    agent = agent_of(server)
    with lab.prober([address]) as prober:
        struck = time.time()
        server.exec("kill", "-STOP", agent)
        try:
            prober.wait_holder(address, lab.server(2).mac, timeout_s=30)
            until(lambda: not server.has(address), "the kernel to take the address", timeout_s=15)
            until(lambda: not dhcpd_runs(server), "dhcpd's guard to end it", timeout_s=15)
        finally:
            server.exec("kill", "-CONT", agent)
        lab.wait_owned(HOME)
        prober.settle()
        seen = prober.seen()[address]
        late = [at for at, _ in seen.doubles() if not struck <= at <= struck + OVERLAP_S]
        assert late == [], "two holders after the thaw"
        assert [mac for _, mac in seen.holders()][-1] == server.mac


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(("engine-hang",), marks=pytest.mark.long),
        ("kill-service", "engine-proxy"),
        pytest.param(("engine-crash",), marks=pytest.mark.long),
        pytest.param(("freeze-service", "engine-proxy"), marks=pytest.mark.long),
    ],
    ids=" ".join,
)
def test_without_the_engine_addresses_and_heartbeats_go_on(lab: Lab, fault: tuple[str, ...]) -> None:
    server = lab.server(1)
    agent = agent_of(server)
    with lab.prober() as prober:
        with lab.fault(fault[0], 1, *fault[1:]):
            def alarmed() -> bool:
                return ("engine-silent", server.name) in alarm_keys(view_of(server, agent))

            until(alarmed, "an alarm", timeout_s=40)
            view = view_of(server, agent)
            assert view["groups"]["first"]["state"] == "held"
            assert view["peers"]["server2"]["state"] == "alive"
            assert all(link["state"] != "down" for link in view["peers"]["server2"]["links"].values())
        lab.wait_owned(HOME)

        def well() -> bool:
            now = server.status()
            return now is not None and ("engine-silent", server.name) not in alarm_keys(now)

        until(well, "the alarm to go", timeout_s=60)
        if fault[0] != "engine-crash":  # an engine that starts anew ends the containers it finds
            assert all(len(seen.holders()) == 1 for seen in prober.seen().values())
        assert all(not seen.doubles() for seen in prober.seen().values())
    server.exec("pkill", "-x", DHCPD.process)
    until(lambda: dhcpd_runs(server), "dhcpd to run again", timeout_s=30)
    lab.wait_owned(HOME)


def test_an_engine_that_is_stopped_hands_over(lab: Lab) -> None:
    """All containers are ended together; the engine proxy serves on until the sidecar has left."""
    with nobody_twice(lab):
        with lab.events() as events, lab.fault("engine-stop", 1):
            lab.wait_owned(BOTH_ON_2, timeout_s=30)
            assert events.named("peer-left", peer="server1"), "a goodbye, no time-out"
        lab.wait_owned(HOME)
