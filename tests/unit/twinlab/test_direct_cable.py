"""Which crossover of a lab is a direct cable, whose two ends lose their carrier together."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from types import SimpleNamespace
from typing import Any

import pytest
from twinlab.faults import net
from twinlab.host import labsite
from twinlab.host.layout import Layout

CROSSOVER = IPv4Network("10.0.0.0/24")


def far_ends(site: dict[str, Any], server: str, crossover: IPv4Network | None = CROSSOVER) -> list[Any]:
    layout = Layout("lab", IPv4Network("192.168.0.0/24"), IPv4Address("192.168.0.1"), crossover, 0)
    scene = SimpleNamespace(name="lab", site=site, layout=layout, keep_wire_bytes=lambda name: None)
    return net.far_ends(scene, SimpleNamespace(name=server))  # type: ignore[arg-type]


@pytest.mark.parametrize(("server", "other"), [("server1", "server2"), ("server2", "server1")])
def test_between_two_servers_it_is_a_cable(server: str, other: str) -> None:
    assert far_ends(labsite.prepare(None, 2), server) == [(f"lab-{other}", "eth1")]


def test_between_three_it_is_a_switch() -> None:
    assert far_ends(labsite.prepare(None, 3), "server1") == []


def test_a_server_without_it_has_no_far_end() -> None:
    site = labsite.prepare(None, 3)
    del site["servers"]["server3"]["links"]["crossover"]
    assert far_ends(site, "server3") == []
    assert far_ends(site, "server1") == [("lab-server2", "eth1")]


def test_a_lab_without_a_crossover_has_none() -> None:
    assert far_ends(labsite.prepare(None, 2), "server1", crossover=None) == []
