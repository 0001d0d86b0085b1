"""Two agents on real kernels: a death is found by asking the LAN, before the deadtime. Needs root."""

from __future__ import annotations

import re
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from netns_rig import VIPS, Rig, Server, inside, run, until

FOUND = "lan_proven_by=192.168.0.9"
"""Of the client, which is no server and in no line of the site file: a neighbour of the kernel."""


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    """Each server holds its own group; its log has suspicions, too."""
    monkeypatch.setenv("TWINBOOT_DEBUG", "1")
    made = Rig(tmp_path)
    try:
        made.start()
        yield made
    finally:
        made.close()


@pytest.fixture
def client(rig: Rig) -> None:
    """The client sends something to server2, whose kernel knows it from then on (arp(7))."""
    send = "import socket; socket.socket(2, 2).sendto(b'x', ('192.168.0.252', 9))"
    run(*inside(rig.client), sys.executable, "-c", send)


def deaths(server: Server) -> list[str]:
    return re.findall(r".* peer-dead .*", server.log.read_text())


def power_off(rig: Rig) -> None:
    """Server1 goes, and with it the carrier of the cable."""
    rig.servers["server1"].stop(signal.SIGKILL)
    rig.unplug("server1")
    rig.cut_crossover()


@pytest.mark.usefixtures("client")
def test_a_power_off_is_found_by_cable_and_lan(rig: Rig) -> None:
    _, two = rig.servers.values()
    power_off(rig)
    until(lambda: two.holds("first"), "server2 takes the first group", rig)
    assert FOUND in deaths(two)[0]


def test_a_pulled_cable_makes_both_suspicious(rig: Rig) -> None:
    rig.cut_crossover()
    why = 'why="no carrier on crossover"'
    until(lambda: all(why in server.log.read_text() for server in rig.servers.values()), why, rig)


@pytest.mark.usefixtures("client")
def test_without_the_cable_silence_is_asked_about(rig: Rig) -> None:
    _, two = rig.servers.values()
    rig.cut_crossover()
    time.sleep(2.0)  # what the cable's end made suspicious has been heard on the LAN since
    assert deaths(two) == []
    power_off(rig)
    until(lambda: two.holds("first"), "server2 takes the first group", rig)
    assert FOUND in deaths(two)[0]
    assert "suspected_for=silence" in deaths(two)[0]


def test_where_no_other_host_answers_the_deadtime_decides(rig: Rig) -> None:
    _, two = rig.servers.values()
    power_off(rig)
    until(lambda: two.holds("first"), "server2 takes the first group", rig)
    assert "lan_proven_by" not in deaths(two)[0]


@pytest.mark.usefixtures("client")
@pytest.mark.parametrize("frozen", [False, True], ids=["runs", "frozen"])
def test_a_pulled_cable_kills_nobody_whose_kernel_answers(rig: Rig, frozen: bool) -> None:
    one, two = rig.servers.values()
    if frozen:
        one.send_signal(signal.SIGSTOP)
    rig.cut_crossover()
    time.sleep(2.0)
    assert [line for line in deaths(two) if "lan_proven_by" in line] == []
    assert not two.holds("first"), "it answers: server1's kernel has it until its lifetime ends"


@pytest.mark.usefixtures("client")
@pytest.mark.parametrize("way", ["in", "out"])
def test_a_lan_that_goes_one_way_proves_nothing(rig: Rig, way: str) -> None:
    """Server2's LAN loses what comes in, or what goes out; the cable is pulled."""
    _, two = rig.servers.values()
    switch = two.namespace.replace("server2", "switch")
    namespace, device = (switch, "server2") if way == "in" else (two.namespace, "eth0")
    run(*inside(namespace), "tc", "qdisc", "add", "dev", device, "root", "pfifo", "limit", "0")
    rig.cut_crossover()
    time.sleep(2.5)
    assert [line for line in deaths(two) if "lan_proven_by" in line] == []


@pytest.mark.usefixtures("client")
def test_a_dead_server_that_is_back_gets_its_group_again(rig: Rig) -> None:
    one, two = rig.servers.values()
    power_off(rig)
    until(lambda: two.holds("first"), "server2 takes the first group", rig)
    rig.unplug("server1", down=False)
    rig.cut_crossover(down=False)
    one.start()
    until(lambda: one.holds("first") and not two.holds("first"), "failback", rig)
    assert set(VIPS) == {"first", "second"}
