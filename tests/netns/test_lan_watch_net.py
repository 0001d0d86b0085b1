"""The LAN monitor on a real LAN of network namespaces: which fault of the wire it reports. Needs root."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest
from netns_rig import VIPS, Rig, entered, inside, run
from twinboot.adapters import clock
from twinboot.adapters.lan.arp import ArpSender
from twinboot.agent.health.monitors import LanAdapters
from twinboot.agent.lan.monitor import LanMonitor
from twinboot.agent.settings import LanSpec
from twinboot.core.events import AddressConflict, Event, LanObserved

DEADTIME_S = 1.0
LIMIT_S = 15.0


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    """No agent runs; this thread is on server1."""
    made = Rig(tmp_path)
    try:
        with entered(made.servers["server1"].namespace):
            yield made
    finally:
        made.close()


class Watched:
    """The watch of server1, and what it told."""

    def __init__(self, spec: LanSpec) -> None:
        self.told: list[Event] = []
        self.monitor = LanMonitor(
            spec, {name: IPv4Address(address) for name, address in VIPS.items()}, LanAdapters(),
            deadtime_s=DEADTIME_S, now=clock.now, handle=self.told.append,
            holds=lambda group: group == "first")

    @property
    def last(self) -> LanObserved:
        return [event for event in self.told if isinstance(event, LanObserved)][-1]

    async def until(self, condition: Callable[[], bool], what: str) -> float:
        begun = time.monotonic()
        while not condition():
            assert time.monotonic() < begun + LIMIT_S, f"never: {what}; {self.told[-3:]}"
            await asyncio.sleep(0.01)
        return time.monotonic() - begun


def watching(scenario: Callable[[Watched], Awaitable[None]]) -> None:
    net = IPv4Network("192.168.0.0/24")

    async def all_of_it() -> None:
        watched = Watched(LanSpec("eth0", net[251], net, (net[252], net[1])))
        watched.monitor.start()
        try:
            await asyncio.sleep(2 * DEADTIME_S)
            assert watched.last.carrier
            await scenario(watched)
        finally:
            watched.monitor.close()

    asyncio.run(all_of_it())


def drop(rig: Rig, where: str) -> Callable[[], str]:
    """Let nothing pass on server1's LAN cable, with its carrier up; returns what heals it."""
    server1 = rig.servers["server1"].namespace
    switch = server1.replace("server1", "switch")
    if where == "both":
        # At the switch: nothing goes to the server, and nothing that comes from it goes on.
        run("ip", "-n", switch, "link", "set", "server1", "nomaster")
        return lambda: run("ip", "-n", switch, "link", "set", "server1", "master", "br0")
    # A queue without room throws away all that leaves by it (tc-pfifo(8)).
    namespace, device = (switch, "server1") if where == "ingress" else (server1, "eth0")
    tc = (*inside(namespace), "tc", "qdisc")
    run(*tc, "add", "dev", device, "root", "pfifo", "limit", "0")
    return lambda: run(*tc, "del", "dev", device, "root")


@pytest.mark.parametrize(
    "where", ["egress", *(pytest.param(one, marks=pytest.mark.long) for one in ("both", "ingress"))]
)
def test_a_dead_wire_with_its_carrier_up_is_noticed_and_so_is_its_end(rig: Rig, where: str) -> None:
    # The peer has something to say to all, now and then, as servers have.
    say = "import socket,time\ns=socket.socket(2,2)\ns.setsockopt(1,6,1)\n" \
          "while True: s.sendto(b'x',('192.168.0.255',9)); time.sleep(0.2)"
    with subprocess.Popen([*inside(rig.servers["server2"].namespace), sys.executable, "-c", say]) as peer:
        try:
            async def scenario(it: Watched) -> None:
                assert it.last.reachable
                heal = drop(rig, where)
                took = await it.until(lambda: not it.last.reachable, "deaf")
                assert took >= DEADTIME_S / 4
                assert it.last.carrier
                await asyncio.sleep(3 * DEADTIME_S)
                assert not it.last.reachable, "and so it stays"
                heal()
                await it.until(lambda: it.last.reachable, "heard again")

            watching(scenario)
        finally:
            peer.kill()


def test_a_quiet_lan_is_good_as_long_as_hosts_answer(rig: Rig) -> None:
    async def scenario(it: Watched) -> None:
        await asyncio.sleep(4 * DEADTIME_S)
        assert all(event.reachable for event in it.told if isinstance(event, LanObserved))

    watching(scenario)


def test_a_pulled_cable_is_told_and_one_that_is_back(rig: Rig) -> None:
    async def scenario(it: Watched) -> None:
        rig.unplug("server1")
        await it.until(lambda: not it.last.carrier, "no carrier")
        rig.unplug("server1", down=False)
        await it.until(lambda: it.last.carrier and it.last.reachable, "back")

    watching(scenario)


def test_an_interface_that_went_and_came_anew(rig: Rig) -> None:
    async def scenario(it: Watched) -> None:
        before = it.last.mac
        one = rig.servers["server1"]
        one.ip("link del eth0")
        await it.until(lambda: it.last == LanObserved(carrier=False, reachable=False), "gone")
        rig.plug("server1", "192.168.0.251/24")
        await it.until(lambda: it.last.carrier and it.last.reachable, "back")
        assert it.last.mac not in (before, b"")
        await asyncio.sleep(2 * DEADTIME_S)
        assert it.last.reachable

    watching(scenario)


def test_another_owner_of_an_address_of_ours_is_told_and_we_are_not(rig: Rig) -> None:
    async def scenario(it: Watched) -> None:
        announcer = ArpSender()
        announcer.announce("eth0", IPv4Address(VIPS["first"]))
        announcer.close()
        await asyncio.sleep(0.5)
        assert not [event for event in it.told if isinstance(event, AddressConflict)]
        await asyncio.get_running_loop().run_in_executor(None, shout, rig, 400)
        await asyncio.sleep(0.3)
        conflicts = [event for event in it.told if isinstance(event, AddressConflict)]
        mac = run("ip", "-n", rig.client, "-br", "link", "show", "eth0").split()[2]
        assert {(c.group, c.mac.hex(":")) for c in conflicts} == {("first", mac)}
        assert len(conflicts) < 40, "told now and then, not for every frame"

    watching(scenario)


def shout(rig: Rig, times: int) -> None:
    """The client says, again and again, that both addresses are its own."""
    code = (
        "import time\nfrom ipaddress import IPv4Address\nfrom twinboot.adapters.lan.arp import ArpSender\n"
        "s=ArpSender()\n"
        f"for i in range({times}):\n"
        f"  [s.announce('eth0', IPv4Address(a)) for a in {list(VIPS.values())}]; time.sleep(0.005)\n"
    )
    subprocess.run([*inside(rig.client), sys.executable, "-c", code], check=True)
