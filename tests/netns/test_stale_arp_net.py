"""A client that keeps a server's MAC address for a virtual address is served by whoever holds the address.

Its neighbour entry is permanent: gratuitous ARP does not change it. Two agents as in test_agent_net.py. On
each server a service answers on the address `first`, by UDP and TCP, with the server's name. Needs root, no
engine.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from netns_rig import VIPS, Rig, Server, inside, run, until
from twinboot.adapters.lan.stale_arp import TABLE

FIRST = VIPS["first"]
OWN_OF_TWO = "192.168.0.252"
SERVICE = """
import socket, sys, threading
FREEBIND, RECVTTL = 15, 12
name, *addresses = sys.argv[1:]
def bound(kind, address):
    s = socket.socket(socket.AF_INET, kind)
    s.setsockopt(socket.IPPROTO_IP, FREEBIND, 1)
    s.bind((address, 7007))
    return s
def datagrams(s):
    s.setsockopt(socket.IPPROTO_IP, RECVTTL, 1)
    while True:
        data, more, _, who = s.recvmsg(100, 100)
        s.sendto(data + b" %s %d" % (name.encode(), more[0][2][0]), who)
def streams(s):
    s.listen()
    while True:
        c, _ = s.accept()
        c.sendall(c.recv(100) + name.encode() * 100000)
        c.close()
for address in addresses:
    threading.Thread(target=datagrams, args=(bound(socket.SOCK_DGRAM, address),), daemon=True).start()
    threading.Thread(target=streams, args=(bound(socket.SOCK_STREAM, address),), daemon=True).start()
print("ready", flush=True)
sys.stdin.read()
"""
ASK = """
import json, socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect((sys.argv[1], 7007))
got = []
def hear(limit_s):
    end = time.monotonic() + limit_s
    while (left := end - time.monotonic()) > 0:
        s.settimeout(left)
        try:
            got.append(s.recv(100).decode().split())
        except OSError:
            pass
for number in range(20):
    s.send(b"%d" % number)
    hear(0.02)
hear(0.5)  # is there a second answer?
print(json.dumps(got))
"""
FETCH = """
import socket, sys
s = socket.create_connection((sys.argv[1], 7007), 5)
s.sendall(b"hello ")
data = b"".join(iter(lambda: s.recv(65536), b""))
print(len(data), data[:13].decode())
"""
RULES = """
import json, sys
from ipaddress import IPv4Address
from twinboot.adapters.lan.stale_arp import Diversion, StaleArpRules
rules = StaleArpRules("eth0", [IPv4Address(sys.argv[1])])
rules.apply(Diversion(frozenset({bytes.fromhex(sys.argv[2])}), frozenset(),
                      {IPv4Address(sys.argv[1]): IPv4Address(sys.argv[3])}))
print("ready", flush=True)
for _ in sys.stdin:
    print(json.dumps(rules.frames()), flush=True)
"""


class Net:
    """The rig, a service on each server, and a client with a stale entry."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.one, self.two = rig.servers["server1"], rig.servers["server2"]
        self._processes: list[subprocess.Popen[str]] = []
        for server in (self.one, self.two):
            # A namespace may inherit it from the machine: what a router sends on is not what is tested here.
            run(*inside(server.namespace), "sh", "-c", "echo 0 >/proc/sys/net/ipv4/ip_forward")
            self.run_beside(server, SERVICE, server.name, FIRST, OWN_OF_TWO)

    def run_beside(self, server: Server, program: str, *words: str) -> subprocess.Popen[str]:
        made = subprocess.Popen(
            [*inside(server.namespace), sys.executable, "-c", program, *words],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        self._processes.append(made)
        assert made.stdout is not None
        assert made.stdout.readline() == "ready\n"
        return made

    def keep_mac_of(self, server: Server, address: str = FIRST) -> None:
        entry = ("neigh", "replace", address, "lladdr", mac(server), "dev", "eth0", "nud", "permanent")
        run("ip", "-n", self.rig.client, *entry)

    def ask(self, address: str = FIRST) -> list[list[str]]:
        """The answers to 20 datagrams: number, server, TTL that the request arrived with."""
        found: list[list[str]] = json.loads(
            run(*inside(self.rig.client), sys.executable, "-c", ASK, address))
        return found

    def fetch(self) -> str:
        """One TCP connection: how many bytes, and who sent them."""
        return run(*inside(self.rig.client), sys.executable, "-c", FETCH, FIRST).strip()

    def power_off(self, server: Server) -> None:
        """Nothing of it is heard any more, and the switch's port loses its link."""
        self.rig.cut_crossover()
        self.rig.unplug(server.name)
        server.stop(signal.SIGKILL)

    def close(self) -> None:
        for process in self._processes:
            process.kill()
            process.communicate()


@pytest.fixture
def net(tmp_path: Path) -> Iterator[Net]:
    rig = Rig(tmp_path)
    made = None
    try:
        rig.start()
        made = Net(rig)
        until(lambda: settled(rig), "each server holds its own group, and has its rules", rig)
        yield made
    finally:
        if made is not None:
            made.close()
        rig.close()


def settled(rig: Rig) -> bool:
    one, two = rig.servers.values()
    return one.holds("first") and two.holds("second") and mac(two) in table(one) and mac(one) in table(two)


def mac(server: Server) -> str:
    return server.ip("-br link show eth0").split()[2]


def table(server: Server) -> str:
    """The rules as the kernel has them; empty when there are none."""
    done = subprocess.run([*inside(server.namespace), "nft", "list", "table", "netdev", TABLE],
                          capture_output=True, text=True, check=False)
    return done.stdout


def elements(server: Server, name: str) -> str:
    """What is in one set of the table."""
    _, found, rest = table(server).partition(f" {name} {{")
    assert found, table(server)
    _, found, rest = rest.split("}\n\n")[0].partition("elements = {")
    return rest if found else ""


def receives_foreign_frames(server: Server) -> bool:
    """A veth has no filter of its own: told to take in a foreign address, it takes in all (promiscuity)."""
    shown = json.loads(server.ip("-d -j link show eth0"))
    return bool(shown[0]["promiscuity"])


def each_answered_once_by(server: Server, answers: list[list[str]]) -> bool:
    counts = Counter((int(number), name) for number, name, _ttl in answers)
    return counts == Counter((number, server.name) for number in range(20))


def moved_to(net: Net, server: Server) -> None:
    until(lambda: server.holds("first"), f"{server.name} takes over", net.rig)


def test_a_dead_servers_clients_are_served_by_the_taker(net: Net) -> None:
    net.keep_mac_of(net.one)
    assert each_answered_once_by(net.one, net.ask())
    assert not receives_foreign_frames(net.two), "a live peer's frames are its own"
    net.power_off(net.one)
    moved_to(net, net.two)
    answers = net.ask()
    assert each_answered_once_by(net.two, answers), (answers, table(net.two), net.rig.logs())
    assert net.fetch() == "700006 hello server2"
    assert receives_foreign_frames(net.two)
    assert each_answered_once_by(net.two, net.ask(OWN_OF_TWO))
    net.keep_mac_of(net.one, OWN_OF_TWO)
    assert net.ask(OWN_OF_TWO) == [], "only virtual addresses"


def test_after_a_planned_move_the_former_holder_sends_on(net: Net) -> None:
    net.keep_mac_of(net.one)
    assert net.one.ask("standby")["ok"]
    until(lambda: "192.168.0.252" in elements(net.one, "holders"), "server1 knows the holder", net.rig)
    answers = net.ask()
    assert each_answered_once_by(net.two, answers), (answers, table(net.one), net.rig.logs())
    assert {ttl for _, _, ttl in answers} == {"63"}, "sent on once, and no more"
    assert net.fetch() == "700006 hello server2"
    assert not receives_foreign_frames(net.one)
    assert not receives_foreign_frames(net.two)
    assert net.one.ask("resume")["ok"]
    until(lambda: net.one.holds("first"), "server1 has it again", net.rig)
    assert each_answered_once_by(net.one, net.ask())
    net.keep_mac_of(net.two)
    assert each_answered_once_by(net.one, net.ask()), "and so does server2"


def test_a_server_that_left_in_order_sends_on_for_some_minutes(net: Net) -> None:
    net.keep_mac_of(net.one)
    assert net.one.stop() == 0
    moved_to(net, net.two)
    answers = net.ask()
    assert each_answered_once_by(net.two, answers), (answers, table(net.one), net.rig.logs())
    assert "expires" in elements(net.one, "moved"), net.rig.logs()
    net.one.start()
    until(lambda: "flags owner" in table(net.one), "it is back, with rules of its own", net.rig)
    assert mac(net.two) in elements(net.one, "peers")
    assert "expires" not in elements(net.one, "moved")


def test_a_frozen_agents_kernel_sends_on_what_comes_for_the_address_it_lost(net: Net) -> None:
    net.keep_mac_of(net.one)
    net.one.send_signal(signal.SIGSTOP)
    until(lambda: net.two.holds("first") and not net.one.holds("first"), "server2 takes over", net.rig)
    answers = net.ask()
    assert each_answered_once_by(net.two, answers), (answers, table(net.one), net.rig.logs())


def test_nothing_is_left_of_a_killed_agent_and_nothing_of_a_peer_that_is_back(net: Net) -> None:
    net.power_off(net.one)
    moved_to(net, net.two)
    until(lambda: receives_foreign_frames(net.two), "server2 takes the frames in", net.rig)
    assert mac(net.one) in elements(net.two, "silent_peers")
    assert table(net.one) == "", "the table of a killed agent goes with it"
    net.rig.cut_crossover(down=False)
    net.rig.unplug("server1", down=False)
    net.one.start()
    until(lambda: mac(net.two) in table(net.one), "server1 is back", net.rig)
    until(lambda: not receives_foreign_frames(net.two), "its frames are its own again", net.rig)
    assert mac(net.one) not in elements(net.two, "silent_peers")
    net.two.stop(signal.SIGKILL)
    assert table(net.two) == ""
    assert not receives_foreign_frames(net.two)


def test_a_restarted_agent_knows_the_dead_servers_mac(net: Net) -> None:
    net.keep_mac_of(net.one)
    net.power_off(net.one)
    moved_to(net, net.two)
    until(lambda: (net.two.base / "state/peer-macs.json").exists(), "kept", net.rig)
    net.two.stop(signal.SIGKILL)
    net.two.start()
    until(lambda: mac(net.one) in table(net.two) and net.two.holds("first"), "it holds all", net.rig)
    answers = net.ask()
    assert each_answered_once_by(net.two, answers), (answers, table(net.two), net.rig.logs())


def test_rules_that_others_flush_or_an_interface_made_anew_are_mended(net: Net) -> None:
    before = table(net.two)
    run(*inside(net.two.namespace), "nft", "flush ruleset")
    assert table(net.two) == before, "an owner's table is its own"
    net.two.ip("link set eth0 down")
    net.two.ip("link del eth0")
    net.rig.plug("server2", "192.168.0.252/24")
    until(lambda: settled(net.rig), "server2 is back", net.rig)
    net.keep_mac_of(net.two)
    until(lambda: each_answered_once_by(net.one, net.ask()), "rules for the new interface", net.rig)


def test_two_servers_that_believe_the_other_has_it_make_no_loop(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    net = None
    try:
        net = Net(rig)
        net.keep_mac_of(net.one)
        addresses = {"server1": "192.168.0.251", "server2": "192.168.0.252"}
        rules = {
            here.name: net.run_beside(here, RULES, FIRST, mac(there).replace(":", ""), addresses[there.name])
            for here, there in ((net.one, net.two), (net.two, net.one))
        }
        assert net.ask() == []
        counted = {}
        for name, process in rules.items():
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write("count\n")
            process.stdin.flush()
            counted[name] = json.loads(process.stdout.readline())["forwarded"]
        assert counted == {"server1": 20, "server2": 0}
    finally:
        if net is not None:
            net.close()
        rig.close()
