"""What the agent takes from the site file for its links, and how it shows a link that joins only two."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from sitechange import GOOD
from twinboot import core, paths
from twinboot.adapters.links.serial import SerialSpec
from twinboot.adapters.links.udp import UdpSpec
from twinboot.agent.settings import settings_for
from twinboot.commands.checking import machine
from twinboot.site import Site, parse


def three() -> Site:
    """Three servers on one LAN; a serial cable and a crossover join two of them each."""
    document: dict[str, Any] = copy.deepcopy(GOOD)
    servers = document["servers"]
    servers["server3"] = {"address": "192.168.0.250", "interface": "eth0", "links": {"lan": None}}
    for name, device in (("server1", "/dev/ttyS0"), ("server3", "/dev/ttyUSB0")):
        servers[name]["links"]["cable"] = {"kind": "serial", "device": device, "speed": 57600}
    return parse(document)


def test_each_link_knows_who_is_at_its_other_end() -> None:
    settings = settings_for(three(), "server1")
    assert settings.cluster.link_peers == {
        "crossover": ("server2",), "lan": ("server2", "server3"), "cable": ("server3",),
    }  # fmt: skip
    crossover, lan, cable = settings.links
    assert cable == SerialSpec("cable", "/dev/ttyS0", 57600)
    assert isinstance(crossover, UdpSpec)
    assert isinstance(lan, UdpSpec)
    assert crossover.peers == {"server2": "10.0.0.2"}
    assert lan.peers == {"server2": "192.168.0.252", "server3": "192.168.0.250"}


def test_a_cable_between_two_is_no_broken_link_of_the_third() -> None:
    state, _ = core.initial(settings_for(three(), "server1").cluster, 1, 0.0)
    shown = {name: set(peer.links) for name, peer in core.view(state, 0.0).peers.items()}
    assert shown == {"server2": {"crossover", "lan"}, "server3": {"lan", "cable"}}


@pytest.fixture
def sys_tty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A /dev and a /sys/class/tty with what a test puts there."""
    (tmp_path / "dev").mkdir()
    (tmp_path / "sys/console").mkdir(parents=True)
    (tmp_path / "dev/ttyS0").symlink_to("server/null")
    (tmp_path / "dev/server").symlink_to("/dev")
    monkeypatch.setattr(paths, "HOST_DEV", tmp_path / "dev")
    monkeypatch.setattr(machine, "_TTY", tmp_path / "sys")
    return tmp_path / "sys"


def test_a_port_is_judged_without_opening_it(sys_tty: Path) -> None:
    def found(device: str) -> str:
        wrong = machine.serial_port(device)
        return wrong[0] if wrong else "good"

    assert found("/dev/ttyUSB0") == "no /dev/ttyUSB0 here"
    assert found("/dev/ttyS0") == "/dev/ttyS0 is not a serial port"
    port = sys_tty / "null"
    port.mkdir()
    assert found("/dev/ttyS0") == "good"
    (port / "type").write_text("0\n")
    assert found("/dev/ttyS0") == "no hardware behind /dev/ttyS0"
    (port / "type").write_text("4\n")
    assert found("/dev/ttyS0") == "good"
    (sys_tty / "console/active").write_text("tty0 null\n")
    assert found("/dev/ttyS0") == "the kernel writes its console to /dev/ttyS0"
