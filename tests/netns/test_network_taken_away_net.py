"""Others take this server's own network away while the agent runs: routes, addresses, settings, the
interface.

What was there is there again; what cannot be mended is an alarm while it lasts. Needs root, no engine.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from netns_rig import VIPS, Rig, Server, inside, run, until

OWN = "192.168.0.251"
CLIENT = "192.168.0.9"


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path)
    try:
        made.start()
        one = made.servers["server1"]
        until(lambda: own_alarms(one) == set(), "no alarm of its own network", made)
        yield made
    finally:
        made.close()


def own_alarms(server: Server) -> set[str]:
    """Codes of those that this test is about."""
    return {alarm["code"] for alarm in server.ask("status")["alarms"]} & {"lan-no-route", "arp-ignored"}


def served(rig: Rig) -> bool:
    """A client on the LAN gets an answer from the group's address, which needs ARP and a way back."""
    command = [*inside(rig.client), "ip", "neigh", "flush", "dev", "eth0"]
    run(*command)
    script = f"""
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
s.settimeout(1)
try:
    s.connect(("{VIPS['first']}", 9))
except ConnectionRefusedError:
    print("answered")
except OSError:
    pass
"""
    return "answered" in run(*inside(rig.client), "python3", "-c", script)


def test_the_route_to_the_lan_is_put_back(rig: Rig) -> None:
    server = rig.servers["server1"]
    before = server.ip("route show 192.168.0.0/24")
    assert before
    assert served(rig)
    server.ip("route flush dev eth0")
    assert not served(rig)
    until(lambda: server.ip("route show 192.168.0.0/24") == before, "the route", rig)
    assert served(rig)
    assert own_alarms(server) == set()


def test_a_network_restart_is_an_alarm_until_the_servers_own_address_is_back(rig: Rig) -> None:
    server = rig.servers["server1"]
    server.ip("addr flush dev eth0")
    until(lambda: own_alarms(server) == {"lan-no-route"}, "the alarm", rig)
    server.ip(f"addr add {OWN}/24 dev eth0")
    until(lambda: own_alarms(server) == set(), "its end", rig)
    until(lambda: server.holds("first"), "the group's address", rig)
    until(lambda: served(rig), "an answer", rig)


def test_an_arp_setting_that_hides_the_addresses_is_an_alarm_and_moves_them(rig: Rig) -> None:
    server = rig.servers["server1"]

    def ignore(value: int) -> None:
        setting = "/proc/sys/net/ipv4/conf/eth0/arp_ignore"
        run(*inside(server.namespace), "sh", "-c", f"echo {value} >{setting}")

    ignore(8)
    until(lambda: own_alarms(server) == {"arp-ignored"}, "the alarm", rig)
    # the client asks first: where no third host is heard, either server may be the one that is cut off
    until(lambda: served(rig) and rig.servers["server2"].holds("first"), "the other server to serve", rig, 30)
    ignore(1)
    until(lambda: own_alarms(server) == set(), "its end", rig)
    until(lambda: server.holds("first") and served(rig), "the group to come back", rig)


def test_an_interface_that_is_made_anew_is_used_again(rig: Rig) -> None:
    server = rig.servers["server1"]
    server.ip("link del eth0")
    until(lambda: rig.servers["server2"].holds("first"), "the other server to take over", rig)
    until(lambda: own_alarms(server) == {"lan-no-route"}, "the alarm", rig)
    rig.plug("server1", f"{OWN}/24")
    until(lambda: server.holds("first"), "the group to come back", rig)
    until(lambda: own_alarms(server) == set(), "its end", rig)
    assert served(rig)
