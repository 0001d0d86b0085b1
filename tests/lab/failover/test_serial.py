"""The serial link of real servers: it carries alone what all carried, and its own faults move nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from alarmhelp import alarm_keys
from twinlab import Lab
from twinlab.host.server import SIDECAR_CONTAINER, Server
from twinlab.host.wait import until
from twinlab.measure.prober import Prober

HOME = {"first": "server1", "second": "server2"}
BOTH_ON_2 = {"first": "server2", "second": "server2"}
GONE = ("link-not-open", "serial")
DROP_UDP = """
table inet nowhere {
    chain in { type filter hook input priority -300; udp dport 694 drop; }
}
"""


def link(server: Server, name: str = "serial") -> str:
    """State of a link to the other server, as this one sees it."""
    view = server.status()
    (peer,) = view["peers"].values() if view else ({"links": {}},)
    return str(peer["links"].get(name, {}).get("state"))


def wait_link(state: str, *servers: Server, name: str = "serial") -> None:
    """Wait until all of these see the link so."""
    what = f"link {name} is {state}"
    until(lambda: all(link(server, name) == state for server in servers), what, timeout_s=30)


def wait_well(*servers: Server) -> None:
    until(lambda: not any(alarms(server) for server in servers), "no alarm is left", timeout_s=30)


def alarms(server: Server) -> list[tuple[str, str]]:
    """Those of links and servers; a foreign DHCP server of an earlier test is remembered for minutes."""
    status = server.status()
    every = [("no-answer", server.name)] if status is None else alarm_keys(status)
    return [(code, subject) for code, subject in every if code != "foreign-dhcp-server"]


def logged(server: Server, since: str) -> str:
    said = server.docker("logs", "--since", since, SIDECAR_CONTAINER)
    return said.out + said.err


def now(server: Server) -> str:
    return server.exec("date", "-u", "+%Y-%m-%dT%H:%M:%S.%NZ").out.strip()


@contextmanager
def no_udp(lab: Lab) -> Iterator[None]:
    """No heartbeat passes on the LAN and on the crossover cable; all else does."""
    for server in lab.servers.values():
        server.exec("sh", "-c", f"echo '{DROP_UDP}' | nft -f -")
    try:
        yield
    finally:
        for server in lab.servers.values():
            server.exec("nft", "delete table inet nowhere", check=False)


@contextmanager
def pulled(server: Server) -> Iterator[None]:
    """The adapter of the port is pulled: the device itself goes."""
    server.exec("sh", "-c", "touch /run/lab-pulled-serial; kill $(cat /run/lab-serial.pid) || true")
    try:
        yield
    finally:
        server.exec("rm", "-f", "/run/lab-pulled-serial")


@contextmanager
def nothing_moves(lab: Lab) -> Iterator[Prober]:
    """Within the block each address stays where it is, and answers."""
    address = lab.address("first")
    with lab.prober([address]) as prober:
        yield prober
        prober.settle()
        seen = prober.seen()[address]
        assert [mac for _, mac in seen.holders()] == [lab.server(1).mac]
        assert lab.owners() == {group: [server] for group, server in HOME.items()}


@pytest.fixture(autouse=True)
def _line_up(lab: Lab) -> None:
    wait_link("up", *lab.servers.values())


def test_the_line_alone_carries_the_cluster(lab: Lab) -> None:
    one, two = lab.server(1), lab.server(2)
    with no_udp(lab):
        with nothing_moves(lab):
            for name in ("lan", "crossover"):
                wait_link("down", one, two, name=name)
            assert {code for code, _ in alarms(one) + alarms(two)} <= {"link-late", "link-down"}
        with lab.fault("standby", 1):
            lab.wait_owned(BOTH_ON_2)
        lab.wait_owned(HOME)
        assert (link(one), link(two)) == ("up", "up")
    wait_well(one, two)


def test_a_pulled_line_is_a_warning(lab: Lab) -> None:
    one, two = lab.server(1), lab.server(2)
    begun = now(one)
    with nothing_moves(lab), lab.fault("unplug", 1, "serial"):
        wait_link("down", one, two)
        assert alarms(one) == [("link-down", "server2/serial")]
        assert link(one, "lan") == link(one, "crossover") == "up"
    wait_well(one, two)
    said = logged(one, begun)
    assert "link-closed" not in said, "a pulled cable is silence, not a broken port"
    for event in ("link-down", "link-up"):
        times = said.count(f"{event} peer=server2 link=serial")
        assert times == 1 or (times > 1 and " stalled " in said), said


@pytest.mark.long
def test_garbage_on_the_line_disturbs_nobody(lab: Lab) -> None:
    one, two = lab.server(1), lab.server(2)
    begun = now(two)
    with nothing_moves(lab):
        one.exec("sh", "-c", "for i in 1 2 3 4 5; do head -c 1500 /dev/urandom >/dev/ttyS0; sleep 0.8; done")
        assert link(two) == "up"
    said = logged(two, begun)
    assert "link-noisy" in said, said
    assert "Traceback" not in said
    until(lambda: "link-clear" in logged(two, begun), "the garbage is over", timeout_s=20)


def test_an_adapter_may_go_and_come(lab: Lab) -> None:
    one = lab.server(1)
    with nothing_moves(lab):
        for _ in range(2):
            with pulled(one):
                until(lambda: GONE in alarms(one), "the device is missed", timeout_s=30)
            wait_link("up", one)
    wait_well(one)


@pytest.mark.long
def test_a_server_starts_without_its_port_and_uses_it_when_it_comes(lab: Lab) -> None:
    two = lab.server(2)
    with pulled(two):
        two.compose("up", "-d", "--force-recreate", "--no-deps", "sidecar")
        lab.wait_owned(HOME)
        until(lambda: GONE in alarms(two), "the alarm", timeout_s=30)
    wait_link("up", two)


def test_a_server_without_power_is_a_silent_line(lab: Lab) -> None:
    two = lab.server(2)
    begun = now(two)
    with lab.fault("power-off", 1):
        lab.wait_owned(BOTH_ON_2)
        wait_link("down", two)
        assert "link-closed" not in logged(two, begun)
        assert not any(code == "link-not-open" for code, _ in alarms(two))
    lab.wait_owned(HOME)
    wait_link("up", two)
    assert "link-closed" not in logged(two, begun)


def test_the_sidecar_may_use_serial_ports_and_no_other_device(lab: Lab) -> None:
    script = """
import os
for name in ("tty1", "kmsg", "loop0"):
    try:
        os.open("/host/dev/" + name, os.O_RDWR | os.O_NONBLOCK | os.O_NOCTTY)
        print(name, "opened")
    except OSError as exc:
        print(name, exc.strerror)
"""
    said = lab.server(1).sidecar("python3", "-c", script).out
    for name in ("tty1", "kmsg", "loop0"):
        assert f"{name} Operation not permitted" in said, said
