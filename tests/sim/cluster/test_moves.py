"""When groups move and when they do not, as scenarios: health, cables, replaced images.

`still` in a scenario: from there on no group may move, whatever is done.
"""

from __future__ import annotations

import pytest

from .histories import history
from .scenario import parse, play
from .world import World

PAIR = "servers 2\n0 start server1\n0 start server2\n"
TRIO = "servers 3\n0 start server1\n0 start server2\n0 start server3\n"


def claims(world: World, after: float = 5.0) -> list[tuple[str, str]]:
    return [(group, who) for at, who, what, group in world.changes if what == "group-claimed" and at > after]


def holder(world: World, group: str) -> list[str]:
    return [one.name for one in world.servers.values() if one.address_of(group) in one.addresses]


STILL = {
    "an image is swapped": PAIR + "8 still\n8 swap server1 vsftpd\n12 swap server2 vsftpd\nend 20\n",
    "a restart mends it": PAIR + "8 still\n8 break server1 vsftpd soft\nend 24\n",
    "the engine restarts it late": PAIR + "8 still\n8 engine-slow server1 1.2\n"
    "8 break server1 vsftpd soft\nend 24\n",
    "dhcpd hangs and a restart mends it": PAIR + "8 still\n8 break server1 dhcpd soft\nend 24\n",
    "both are broken at once": PAIR + "8 still\n8 break server1 vsftpd hard\n"
    "8 break server2 vsftpd hard\nend 40\n",
    "both are broken, one after the other": PAIR + "8 still\n8 break server2 vsftpd hard\n"
    "10 break server1 vsftpd hard\nend 40\n",
    "the same image fails on three": TRIO + "8 still\n" + "".join(
        f"8.{n} break server{n} vsftpd hard\n" for n in (1, 2, 3)) + "end 40\n",
    "a link is lost and comes back": PAIR + "8 still\n8 cut crossover server1 server2\n12 heal\n"
    "14 cut lan server1 server2\n18 heal\nend 24\n",
    "all links are cut, the LAN is whole": PAIR + "8 still\n8 cut all server1 server2\n20 heal\nend 26\n",
    "the LAN is cut in two, the crossover cable is not": PAIR + "8 still\n8 lan-split server2\n"
    "14 lan-join\nend 20\n",
    "the direct cable is pulled": PAIR + "8 still\n8 unplug-cable\n14 heal\nend 18\n",
    "the direct cable's carrier comes and goes": PAIR + "8 still\n"
    + "".join(f"{8 + n / 20} carrier-blinks server{1 + n % 2}\n" for n in range(200)) + "end 22\n",
    "the direct cable is pulled while the LAN loses much": PAIR + "5 arp-loss server1 0.4\n"
    "5 weather 0.4 0.001 0 0 lan\n8 still\n8 unplug-cable\n30 heal\nend 34\n",
    "much is lost on every link and on the LAN": PAIR + "5 arp-loss server1 0.4\n5 arp-loss server2 0.4\n"
    "5 weather 0.4 0.001 0 0\n8 still\nend 60\n",
    "heartbeats come late": PAIR + "5 weather 0 0.001 0.45 0\n8 still\nend 30\n",
    "a sidecar is frozen for less than a deadtime, the cable is pulled": PAIR + "8 still\n8 unplug-cable\n"
    "8.1 freeze server1\n8.95 thaw server1\nend 14\n",
    "a sidecar gets no processor again and again": PAIR + "8 still\n"
    + "".join(f"{8 + n} stall server{1 + n % 2} 0.{5 + n % 5}\n" for n in range(30)) + "end 42\n",
    "the cable is pulled, heartbeats go one way": PAIR + "8 still\n8 unplug-cable\n"
    "8 cut lan server1 server2 one-way\n20 heal\nend 26\n",
    "the LAN is cut in two for long, the crossover cable is not": PAIR + "8 still\n8 lan-split server2\n"
    "30 lan-join\nend 36\n",
    "ARP is filtered on both": PAIR + "8 still\n8 arp-filter server1\n8.1 arp-filter server2\n"
    "30 arp-unfilter server1\n30 arp-unfilter server2\nend 36\n",
    "ARP is filtered on the stand-by of both groups": "failback manual\n" + PAIR + "8 power-off server2\n"
    "12 start server2\n18 still\n18 arp-filter server2\n30 arp-unfilter server2\nend 36\n",
    "a host that is no server answers for an address": PAIR + "8 still\n8 foreign-host first\n"
    "12 foreign-host second\n30 foreign-host-gone\nend 36\n",
    "a server sends its heartbeats rarely": "servers 2\n0 site server1 drowsy\n0.1 start server1\n"
    "0.2 start server2\n10 still\nend 60\n",
    "a short stall": PAIR + "8 still\n8 stall server1 0.9\n12 stall server2 0.9\nend 18\n",
    "the stand-by loses dhcpd's container, and standby is refused": PAIR + "8 still\n8 prune server2\n"
    "10 standby server1\nend 20\n",
    "a clock runs fast": "servers 2\n0 clock server1 1.001\n0 clock server2 0.999\n"
    "0 start server1\n0 start server2\n4 still\nend 60\n",
}


@pytest.mark.parametrize("name", STILL)
def test_it_moves_nothing(name: str) -> None:
    history(parse(STILL[name]))


MOVES = {
    "server1 loses its cable": (PAIR + "8 lan-down server1\nend 9.5\n", "server2"),
    "server1 hears nothing on its LAN": (PAIR + "8 lan-rx-dead server1\nend 13\n", "server2"),
    "server1 is heard by nobody on its LAN": (PAIR + "8 lan-tx-dead server1\nend 13\n", "server2"),
    "ARP is filtered on server1": (PAIR + "8 arp-filter server1\nend 13\n", "server2"),
    "ARP is filtered on server1, and server3 is cut off": (
        TRIO + "6 lan-split server3\n12 arp-filter server1\nend 18\n", "server2"),
    "server1 dies, and a host that is no server answers": (
        PAIR + "8 foreign-host first\n9 power-off server1\nend 12\n", "server2"),
    "its vsftpd stays broken": (PAIR + "8 break server1 vsftpd hard\nend 20\n", "server2"),
    "its dhcpd stays broken": (PAIR + "8 break server1 dhcpd hard\nend 24\n", "server2"),
    "the second in order is broken, too": (
        TRIO + "6 break server2 vsftpd hard\n20 break server1 vsftpd hard\nend 36\n", "server3"),
    "the LAN of the second is down, too": (
        TRIO + "8 lan-down server2\n9 lan-down server1\nend 12\n", "server3"),
    "a broken daemon is better than no LAN": (
        PAIR + "6 break server2 vsftpd hard\n20 lan-down server1\nend 24\n", "server2"),
    "the second in order has lost dhcpd's container": (
        TRIO + "6 prune server2\n9 power-off server1\nend 14\n", "server3"),
    "the only other one has lost it, and tries all the same": (
        PAIR + "6 prune server2\n9 power-off server1\nend 14\n", "server2"),
    "two of three die": (TRIO + "8 power-off server1\n8 power-off server2\nend 11\n", "server3"),
}


@pytest.mark.parametrize("name", MOVES)
def test_the_first_group_moves_once(name: str) -> None:
    text, to = MOVES[name]
    scenario = parse(text)
    world = play(scenario)
    assert holder(world, "first") == [to]
    assert [one for one in claims(world) if one[0] == "first"] == [("first", to)]
    history(scenario)


def test_carrier_lost_is_answered_after_a_blink() -> None:
    world = play(parse(PAIR + "8 lan-down server1\nend 8.13\n"))
    assert world.servers["server2"].answers("192.168.0.253")


def test_a_switch_that_loses_its_power_moves_nothing() -> None:
    """The two carriers are lost 50 ms apart."""
    world = play(parse(PAIR + "8 lan-down server1\n8.05 lan-down server2\n14 lan-up server1\n"
                       "14.03 lan-up server2\nend 22\n"))
    assert claims(world) == []


def test_a_flapping_cable_does_not_make_the_groups_flap() -> None:
    """Twenty losses in 80 s: hold-down soon stops the moves back, and so the moves away."""
    flaps = "".join(f"{8 + 4 * n} lan-down server1\n{9 + 4 * n} lan-up server1\n" for n in range(20))
    world = play(parse(PAIR + flaps + "end 90\n"))
    assert 0 < claims(world).count(("first", "server1")) <= 3
    assert holder(world, "first") == ["server2"]


def test_both_lans_dead_and_one_comes_back() -> None:
    """While no server can serve, nothing flaps; the first to recover serves."""
    world = play(parse(PAIR + "8 lan-down server1\n8 lan-down server2\n14 lan-up server2\nend 20\n"))
    assert holder(world, "first") == ["server2"]
    assert holder(world, "second") == ["server2"]
    assert len(claims(world)) <= 4


def test_each_half_of_a_cut_lan_is_served_and_healing_takes_a_second() -> None:
    cut = PAIR + "8 lan-split server2\n8 cut all server1 server2\n14 heal\n14 lan-join\n"
    world = play(parse(cut + "end 13\n"))
    assert sorted(holder(world, "first")) == ["server1", "server2"]
    world = play(parse(cut + "end 15\n"))
    assert holder(world, "first") == ["server1"]
    assert holder(world, "second") == ["server2"]


def test_the_zero_of_a_clock_does_not_matter() -> None:
    """Clocks of two servers have nothing in common, and no time is in any message."""
    transcripts = []
    for zero_s in (0.0, 1e6):
        world = World(2, seed=5)
        for server in world.servers.values():
            server.clock_zero_s = zero_s
            server.power_on()
        world.run_until(20.0)
        transcripts.append(world.transcript)
    assert transcripts[0] == transcripts[1]


@pytest.mark.parametrize("seconds", [3600, -3600])
def test_even_a_clock_that_jumps_gives_no_second_holder(seconds: int) -> None:
    """The agent's clock cannot be set (CLOCK_BOOTTIME). If it could: set back, the core would pause, its
    addresses would expire and the other server take over; set forward, it drops first and then decides."""
    jump = f"8 clock-jump server1 {seconds}\n"
    world = play(parse(PAIR + jump + "end 16\n"))
    assert holder(world, "first") == (["server2"] if seconds < 0 else ["server1"])
    history(parse(PAIR + jump + "20 kill server1\n20.2 restart server1\nend 22\n"))
