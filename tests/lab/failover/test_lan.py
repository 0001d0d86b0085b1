"""The LAN of a server: a cable pulled, a wire that is dead with its carrier up, a cable that flaps."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from alarmhelp import alarm_keys
from labhelp import nobody_twice
from loghelp import ALL_ON_2, HOME, LogWindow, forget_losses, view
from twinlab import Lab
from twinlab.faults import cable
from twinlab.host.server import Server
from twinlab.host.shell import on_host
from twinlab.host.wait import until


@pytest.fixture(autouse=True)
def fresh(lab: Lab) -> Iterator[None]:
    yield
    forget_losses(lab)


@contextmanager
def dead_wire(server: Server, *ways: str) -> Iterator[None]:
    """Nothing passes in these directions (ingress: it hears nothing; egress: it is not heard)."""
    for way in ways:
        server.exec(
            "nft", f"add table netdev dead{way}; add chain netdev dead{way} wire "
            f"{{ type filter hook {way} device eth0 priority -10; policy drop; }}"
        )  # fmt: skip
    try:
        yield
    finally:
        for way in ways:
            server.exec("nft", f"delete table netdev dead{way}")


@contextmanager
def switched_off(*servers: Server) -> Iterator[None]:
    """The switch has no power: every cable on it loses its carrier in the same moment."""
    ends = {int(one.exec("cat", "/sys/class/net/eth0/iflink").out) for one in servers}
    links = json.loads(on_host("ip -j link"))
    names = [link["ifname"] for link in links if link["ifindex"] in ends]
    assert len(names) == len(servers)

    def power(state: str) -> None:
        lines = "".join(f"link set {name} {state}\n" for name in names)
        on_host(f"printf '{lines}' | ip -batch -")

    power("down")
    try:
        yield
    finally:
        power("up")


def lan(server: Server) -> str:
    return str(view(server)["lan"])


def test_a_pulled_cable_moves_the_groups_over_the_other_links(lab: Lab) -> None:
    address, server2 = lab.address("first"), lab.server(2).mac
    with nobody_twice(lab), lab.prober([address]) as prober:
        with lab.fault("unplug", 1, "lan"):
            prober.wait_holder(address, server2, timeout_s=20)
            lab.wait_owned(ALL_ON_2)
            assert lan(lab.server(1)) == "no carrier"
            assert not lab.server(1).has(address)
            assert ("lan-no-carrier", "server1") in alarm_keys(view(lab.server(2)))
        lab.wait_owned(HOME)
        prober.settle()
        assert prober.seen()[address].doubles() == []


RX_DEAD, TX_DEAD = "ingress", "egress"


@pytest.mark.parametrize(
    "ways",
    [
        pytest.param((RX_DEAD,), marks=pytest.mark.long), (TX_DEAD,),
        pytest.param((RX_DEAD, TX_DEAD), marks=pytest.mark.long),
    ],
    ids=["rx-dead", "tx-dead", "dead"],
)
def test_a_dead_wire_with_its_carrier_up_moves_the_groups(lab: Lab, ways: tuple[str, ...]) -> None:
    with dead_wire(lab.server(1), *ways):
        lab.wait_owned(ALL_ON_2)
        assert lan(lab.server(1)) == "rx-dead"
    lab.wait_owned(HOME)
    assert lan(lab.server(1)) == "good"


@pytest.mark.long
def test_a_lan_without_power_moves_nothing(lab: Lab) -> None:
    window = LogWindow(lab)
    with switched_off(*lab.servers.values()):
        for number in (1, 2):
            until(lambda n=number: lan(lab.server(n)) == "no carrier", "no carrier", timeout_s=20)  # type: ignore[misc]
        time.sleep(5)  # that nothing happens can only be waited for
        assert lab.owners() == {group: [name] for group, name in HOME.items()}
    lab.wait_owned(HOME)
    # Each may let its group go before it hears that the other is as badly off, and takes it again then.
    assert len(window.moves()) <= 4, window.moves()


@pytest.mark.long
def test_a_flapping_cable_moves_the_groups_a_few_times_at_most(lab: Lab) -> None:
    server, window = lab.server(1), LogWindow(lab)
    try:
        for _ in range(5):
            cable.plug(server.container, "eth0", up=False)
            until(lambda: lan(server) == "no carrier", "no carrier", timeout_s=20)
            cable.plug(server.container, "eth0", up=True)
            time.sleep(7)  # longer than failback_delay_s: without a hold-down it would take its group back
        claims = window.lines("group-claimed", "group=first", server=1)
        assert len(claims) <= 3, claims
        assert view(server)["hold_down_s"] > 0
        assert ("hold-down", server.name) in alarm_keys(view(server))
    finally:
        cable.plug(server.container, "eth0", up=True)
