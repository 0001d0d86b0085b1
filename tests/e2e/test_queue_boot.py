"""With balancing by load real boot loaders wait for their turn, say so, and then start a kernel of the group
that the machine was given: not the one that its loader came from.

Two other hosts' installs fill both servers, until one of them ends.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from ipaddress import IPv4Address
from typing import Any

import pytest
from twinlab import Lab
from twinlab.host import images, netboot, testlab
from twinlab.host.booting import Booting
from twinlab.host.wait import until

HOST, ADDRESS = "waits", "192.168.0.132"
FILL = {"cli129": "first", "cli128": "second"}
"""Hosts whose installs fill the servers, and the group of each; the machine's home is the second one."""
BOOT_S, SPREAD_S = 300.0, 60.0
TURN = "waits for its turn: place 1 of 1, 2 installs run"
"""On the screen of a loader, which may break its lines anywhere."""

pytestmark = pytest.mark.long


def say(text: str) -> None:
    print(f"queue: {text}", flush=True)


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    trees = netboot.build_netboot(say)
    images.ensure(say)
    patch = netboot.site_patch({HOST: {"mac": "52:54:00:00:01:32", "address": ADDRESS}})
    made = Lab(testlab.name("queue"), say)
    made.down()
    try:
        yield made.up(trees=trees, patch={**patch, "balancing": {"mode": "load", "at_once": 1}})
    finally:
        made.down()


def machines(lab: Lab) -> dict[str, dict[str, Any]]:
    said = lab.server(1).sidecar("twinboot", "machines", "--json").out
    return {one["name"]: one for one in json.loads(said)}


def report(lab: Lab, host: str, event: str) -> None:
    """As the installer of a host would say it, from its own address."""
    mac, address = str(lab.site["hosts"][host]["mac"]), str(lab.site["hosts"][host]["address"])
    url = f"http://{lab.address(FILL[host])}/report/{host}/{event}?token=0123456789abcdef-{host}"
    with lab.machine(ip=address, mac=mac) as client:
        def counts() -> bool:
            return client.sh(f"curl -s '{url}'", check=False).out.strip() in ("go", "ok")

        until(counts, f"{host}: {event}", timeout_s=SPREAD_S)


@pytest.mark.parametrize("firmware", ["bios", "ipxe", "uefi-secure"])
def test_a_loader_waits_for_its_turn_and_starts_the_group_that_it_is_given(lab: Lab, firmware: str) -> None:
    one = lab.server(1)
    one.sidecar("twinboot", "local", HOST, *FILL)  # whatever the test before has left
    one.sidecar("twinboot", "install", HOST, *FILL)
    for host in FILL:
        report(lab, host, "start")
    before = lab.wire_bytes()
    with ExitStack() as end:
        booting = Booting(lab.boot(HOST, firmware))
        end.callback(booting.remove)
        end.callback(lambda: print(booting.console()[-4000:]))
        until(lambda: TURN in " ".join(booting.console().split()), "it waits", timeout_s=BOOT_S,
              alive=booting.alive)  # fmt: skip
        assert machines(lab)[HOST]["state"] == "queued"
        assert booting.kernels() == 0
        report(lab, "cli129", "done")
        until(lambda: machines(lab)[HOST]["given"] == "first", "it is given a group",
              timeout_s=SPREAD_S)  # fmt: skip
        booting.wait_for_kernel(BOOT_S)
    mine = str(IPv4Address(lab.site["hosts"][HOST]["address"]))
    after = lab.wire_bytes()
    got = {name: after[name].get(mine, 0) - before[name].get(mine, 0) for name in after}
    say(f"{firmware}: bytes of each server: {got}")
    assert got["server1"] > 10 << 20, "kernel and initrd came from the group that it was given"
    assert got["server2"] < 8 << 20, "and the loader from its home"
