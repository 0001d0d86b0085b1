"""What nobody listed, watched from outside: an ARP prober, an HTTP client and a DHCP counter on the LAN.

Interfaces renamed, cables that carry one way, clocks set by a day, everything pruned and restarted. Whatever
happens: never two holders of an address, never two DHCP answers, the gap is bounded, each group is at home
again at the end, and no alarm stays.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

import pytest
from alarmhelp import alarm_keys
from loghelp import ALL_ON_2, HOME, nothing_moves, view
from twinlab import Lab
from twinlab.faults import faults
from twinlab.host.engine import CommandError
from twinlab.host.server import Server
from twinlab.host.wait import until
from twinlab.measure.lan_recorder import LanRecorder

GAP_S = 45.0
"""With nobody to take over, until all containers of a server run again, on a busy machine."""
DAY_S = 86400

pytestmark = pytest.mark.long


@contextmanager
def watched(lab: Lab, gap_s: float = GAP_S) -> Iterator[LanRecorder]:
    """Nobody twice in the block and until each group is home; then no alarm that has no cause."""
    with lab.lan_recorder() as recorder, lab.events() as events:
        begun = time.time()
        try:
            yield recorder
            lab.wait_owned(HOME, timeout_s=120)
        finally:
            print("\n".join(event.text for event in events.all[-200:]))
        time.sleep(1.5)  # the counter tells of a DISCOVER when its time is over
        report = recorder.report(begun)
    figures = {address: round(gap, 2) for address, gap in report.gap.items()}
    print(f"gaps {figures}, DHCP {report.offer_gap:.2f} s of {report.end - begun:.0f} s")
    assert not any(report.doubles.values()), report.doubles
    assert report.doubled_offers == ()
    assert max(report.gap.values()) < gap_s, report.gap

    def quiet() -> bool:
        return not any(alarm_keys(view(server)) for server in lab.servers.values())

    with suppress(TimeoutError):
        until(quiet, "no alarm any more", timeout_s=60)
    assert {server.name: alarm_keys(view(server)) for server in lab.servers.values()} == {
        name: [] for name in lab.servers}


# Interfaces renamed -------------------------------------------------------------------------------------


def rename(server: Server, old: str, new: str) -> None:
    """With its addresses; its routes are lost, as they are on any machine."""
    server.exec("sh", "-c", f"ip link set {old} down; ip link set {old} name {new}; ip link set {new} up")


@pytest.mark.parametrize("number", [1, 2])
def test_the_lan_card_has_another_name_for_a_while(lab: Lab, number: int) -> None:
    server, other = lab.server(number), lab.server(3 - number)
    with watched(lab):
        rename(server, "eth0", "lan9")
        try:
            lab.wait_owned(dict.fromkeys(HOME, other.name), timeout_s=40)
            assert not set(server.addresses().get("lan9", ())) & set(lab.addresses.values())
            until(lambda: [key for key in alarm_keys(view(other)) if server.name in key[1]],
                  f"{other.name} to tell of it", timeout_s=30)
        finally:
            rename(server, "lan9", "eth0")


def test_the_crossover_card_has_another_name_for_a_while(lab: Lab) -> None:
    server = lab.server(1)
    with watched(lab), nothing_moves(lab):
        rename(server, "eth1", "cross9")
        try:
            until(lambda: any("crossover" in key[1] for key in alarm_keys(view(server))),
                  "the link to be told", timeout_s=30)
        finally:
            rename(server, "cross9", "eth1")


# Cables that carry one way ------------------------------------------------------------------------------


@contextmanager
def deaf(server: Server, interface: str) -> Iterator[None]:
    """What comes on this interface is lost, and what goes out passes."""
    table = "add table netdev lab_deaf; add chain netdev lab_deaf in " \
            f"{{ type filter hook ingress device {interface} priority -500; policy drop; }}"
    server.exec("nft", table)
    try:
        yield
    finally:
        server.exec("nft", "delete table netdev lab_deaf")


@pytest.mark.parametrize("lan", ["", "rx-dead", "tx-dead"])
@pytest.mark.parametrize("ears", [(1,), (1, 2)])
def test_cables_that_carry_one_way(lab: Lab, lan: str, ears: tuple[int, ...]) -> None:
    """The crossover carries nothing to these servers; the LAN, of server1, only one way."""
    with watched(lab), ExitStack() as stack:
        for number in ears:
            stack.enter_context(deaf(lab.server(number), "eth1"))
        if lan:
            stack.enter_context(lab.fault(lan, 1))
        time.sleep(12.0)  # whatever they decide, they have decided


@pytest.mark.parametrize("number", [1, 2])
def test_one_server_hears_no_heartbeat_and_is_heard(lab: Lab, number: int) -> None:
    """Not on the LAN, not on the crossover, and the serial cable is pulled; ARP and clients pass."""
    server = lab.server(number)
    with watched(lab), lab.fault("unplug", number, "serial"):
        server.exec("nft", "add table netdev lab_deaf; " + " ".join(
            f"add chain netdev lab_deaf {one} {{ type filter hook ingress device {one} priority -500; }}; "
            f"add rule netdev lab_deaf {one} udp dport 694 drop;" for one in ("eth0", "eth1")))
        try:
            time.sleep(15.0)
        finally:
            server.exec("nft", "delete table netdev lab_deaf")


# Clocks -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [DAY_S, -DAY_S])
def test_a_clock_is_set_by_a_day(lab: Lab, step: int) -> None:
    """The sidecar's time of day; nothing moves for it, and a power-off is noticed as quickly as ever."""
    def clock_differs() -> bool:
        return ("clock-differs", "server1") in alarm_keys(view(lab.server(2)))

    with watched(lab) as recorder, lab.fault("clock", 1, "+0"):
        lab.wait_owned(HOME, timeout_s=60)  # its sidecar was begun anew once, so that it can be set
        time.sleep(1.0)
        begun = time.time()
        for off in (step, 0, -step, step):
            faults.inject(lab, "clock", lab.server(1), f"{off:+d}")
            until(lambda: clock_differs() is bool(off), f"server2 to tell of {off} s", timeout_s=20)  # noqa: B023
        changes = recorder.report(begun).holders
        assert {address: len(who) for address, who in changes.items()} == dict.fromkeys(changes, 1)
        with lab.fault("power-off", 2):
            broke = time.time()
            lab.wait_owned(dict.fromkeys(HOME, "server1"), timeout_s=20)
            gap_s = recorder.report(broke).gap[lab.address("second")]
            print(f"after a clock set by {step} s: gap {gap_s:.2f} s")
            assert gap_s < 10, gap_s
        lab.wait_owned(HOME, timeout_s=90)


# Everything pruned and restarted ------------------------------------------------------------------------


def prune_and_restart(server: Server) -> None:
    server.docker("container", "prune", "-f", check=False)
    server.exec("sh", "-c", "docker restart -t 5 $(docker ps -q) >/dev/null", check=False, timeout_s=120)


@pytest.mark.parametrize("moment", ["standby", "power-off", "at rest"])
def test_all_is_pruned_and_restarted(lab: Lab, moment: str) -> None:
    """On server1, which has everything: in the middle of a planned move, of a take-over, or of nothing."""
    one = lab.server(1)
    with watched(lab):
        if moment == "standby":
            with suppress(CommandError):
                faults.inject(lab, "standby", one)
            prune_and_restart(one)
            prune_and_restart(lab.server(2))
            lab.heal()
        elif moment == "power-off":
            with lab.fault("power-off", 2):
                prune_and_restart(one)
                lab.wait_owned(dict.fromkeys(HOME, "server1"), timeout_s=90)
        else:
            prune_and_restart(one)
            lab.wait_owned(timeout_s=90)
            prune_and_restart(lab.server(2))


def test_the_stand_by_is_pruned_and_restarted_while_it_takes_over(lab: Lab) -> None:
    with watched(lab), lab.fault("power-off", 1):
        prune_and_restart(lab.server(2))
        lab.wait_owned(ALL_ON_2, timeout_s=90)
