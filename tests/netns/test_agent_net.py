"""Two agents on a LAN and a crossover cable: real messages, addresses and ARP. Needs root, no engine."""

from __future__ import annotations

import re
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from netns_rig import LIMIT_S, SITE, VIPS, Rig, Server, inside, run, until
from twinboot.dhcp.isc.lease_file import NAME as ENGINES_OWN
from twinboot.kept import Volume, known
from twinboot.wire.net import arp

LISTEN = """
import socket, sys
s = socket.socket(17, 3, socket.htons(0x806))
s.bind(("eth0", 0x806))
print("listening", flush=True)
while True:
    print(s.recv(2048).hex(), flush=True)
"""


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path)
    try:
        made.start()
        yield made
        assert [one for server in made.servers.values() for one in unknown_files(server)] == []
    finally:
        made.close()


def unknown_files(server: Server) -> list[str]:
    """What the agent has written that no row of the table of kept files is of."""
    return [
        str(path) for volume, top in (
            (Volume.STATE, server.base / "state"), (Volume.LEASES, server.base / "dhcp"))
        for path in top.rglob("*")
        if path.is_file() and path.name != ENGINES_OWN and not known(volume, str(path.relative_to(top)))
    ]  # fmt: skip


def alarms(server: Server, code: str) -> dict[str, str]:
    """Texts of the alarms of this kind, by subject."""
    every = server.ask("status")["alarms"]
    return {alarm["subject"]: alarm["text"] for alarm in every if alarm["code"] == code}


def splits(server: Server) -> dict[str, str]:
    return alarms(server, "split")


def alone(rig: Rig, group: str, server: Server) -> bool:
    return rig.owners()[group] == [server.name]


def pair(rig: Rig) -> tuple[Server, Server]:
    one, two = rig.servers.values()
    return one, two


def test_killed_agent_loses_its_address_by_itself_and_gets_it_back(rig: Rig) -> None:
    one, two = pair(rig)
    one.stop(signal.SIGKILL)
    until(lambda: bool(splits(two)), "server2 sees that the address still answers", rig)
    until(lambda: not one.holds("first"), "the kernel takes the address of the dead agent", rig)
    took = until(lambda: two.holds("first"), "server2 takes the first group", rig)
    assert took < 3.0
    one.start()
    until(rig.settled, "the first group fails back", rig)
    dead = re.search(r'group-claimed group=first reason="server1 dead for ([\d.]+) s', two.log.read_text())
    assert dead, two.log.read_text()
    assert float(dead[1]) >= 1.0, "not while its kernel may answer for the address"


def test_terminated_agent_hands_over_at_once(rig: Rig) -> None:
    one, two = pair(rig)
    begin = time.monotonic()
    two.send_signal(signal.SIGTERM)
    until(lambda: one.holds("second"), "server1 takes the second group", rig)
    assert not two.holds("second")
    assert two.agent is not None
    assert two.agent.wait(LIMIT_S) == 0  # no second TERM: it would find a process without handlers
    assert time.monotonic() - begin < 8
    assert 'group-claimed group=second reason="server2 left"' in one.log.read_text(), "it waited for deadtime"


@pytest.mark.long  # the lab's frozen sidecar shows it (tests/lab/failover/test_leased.py)
def test_frozen_agent_loses_its_address_and_does_not_act_on_old_belief(rig: Rig) -> None:
    one, two = pair(rig)
    one.send_signal(signal.SIGSTOP)
    until(lambda: alone(rig, "first", two), "the address expires, server2 takes over", rig)
    one.send_signal(signal.SIGCONT)
    until(lambda: "woke-up" in one.log.read_text(), "server1 notices that it slept", rig)
    before = time.monotonic()
    while time.monotonic() - before < 0.5:
        assert rig.owners()["first"] != ["server1", "server2"], rig.logs()
    until(rig.settled, "the first group fails back", rig)


def test_all_links_cut_gives_no_second_owner(rig: Rig) -> None:
    one, two = pair(rig)
    mac = one.ip("-br link show eth0").split()[2]
    rig.drop_heartbeats()
    until(lambda: bool(splits(one) and splits(two)), "both see that the other still answers", rig)
    told = splits(two)
    assert told.keys() == {"first"}
    assert all(fact in told["first"] for fact in (str(VIPS["first"]), mac, "server1 is silent"))
    end = time.monotonic() + 3.0
    while time.monotonic() < end:
        assert rig.owners() == {"first": ["server1"], "second": ["server2"]}, rig.logs()
    rig.drop_heartbeats(on=False)
    until(lambda: not splits(one) and not splits(two), "the alarm ends when a link is back", rig)
    assert rig.settled()
    for server in (one, two):
        log = server.log.read_text()
        assert (log.count(" split "), log.count(" split-over ")) == (1, 1)


def test_a_dead_server_is_followed_at_once(rig: Rig) -> None:
    one, two = pair(rig)
    rig.cut_crossover()
    rig.unplug("server1")
    took = until(lambda: two.holds("first"), "server2 takes over", rig)
    assert not splits(two)
    assert took < 12, rig.logs()
    # Nor does the one that is cut off take what it could not serve.
    until(lambda: any(alarms(one, code) for code in ("lan-no-carrier", "claim-not-probed")), "alarm", rig)
    assert not one.holds("second")


def test_flushed_address_is_put_back(rig: Rig) -> None:
    one, _ = pair(rig)
    times = []
    for _ in range(5):
        one.ip(f"addr del {VIPS['first']}/32 dev eth0")
        times.append(until(lambda: one.holds("first"), "server1 puts its address back", rig))
    assert statistics.median(times) < 0.3, "the kernel's news should be quicker than a look once a second"


def test_one_cable_cut_moves_nothing(rig: Rig) -> None:
    one, two = pair(rig)
    rig.cut_crossover()

    def link(server: Server, peer: str) -> str:
        return str(server.ask("status")["peers"][peer]["links"]["crossover"]["state"])

    until(lambda: link(one, "server2") == link(two, "server1") == "down", "noticed", rig)
    assert all("link-down" in server.log.read_text() for server in (one, two))
    assert rig.settled()
    rig.cut_crossover(down=False)
    until(lambda: link(one, "server2") == "up", "back", rig)
    assert "group-released group=first" not in one.log.read_text().split("active")[1]


def test_standby_and_resume(rig: Rig) -> None:
    one, two = pair(rig)
    reply = two.ask("standby")
    assert reply == {"ok": True, "message": "on standby; moved: second to server1"}
    assert rig.owners() == {"first": ["server1"], "second": ["server1"]}
    refused = one.ask("standby")
    assert not refused["ok"]
    assert "no other server could take" in refused["error"]
    assert two.ask("resume")["message"] == (
        "takes part again: first is held by server1, second is held by server2"
    )
    assert rig.settled()
    assert "known: status, diff, history, standby, resume" in two.ask("dance")["error"]


def test_the_history_outlives_the_agent(rig: Rig) -> None:
    one, two = pair(rig)
    assert one.stop() == 0
    until(lambda: two.holds("first"), "server2 takes over", rig)
    told = two.ask("history")["moves"]
    assert [move["group"] for move in told][-1] == "first"
    assert two.stop() == 0
    two.start()
    until(lambda: alone(rig, "first", two), "server2 holds it again", rig)
    again = two.ask("history")["moves"]
    assert [move["number"] for move in again] == list(range(1, len(again) + 1))
    # Its last moves before the end are those of giving the groups up: more than was told before.
    for old, new in zip(told, again, strict=False):
        assert (old["group"], old["kind"]) == (new["group"], new["kind"])
        assert abs(old["at"] - new["at"]) < 0.1
    assert len(again) > len(told)
    (two.base / "state/history.json").write_text("x")
    assert two.stop(signal.SIGKILL) != 0
    two.start()
    until(lambda: two.state() == "active" and "history-lost" in two.log.read_text(), "begun anew", rig)
    assert two.log.read_text().count("history-lost") == 1


def test_a_claim_is_announced_to_the_lan(rig: Rig) -> None:
    _, two = pair(rig)
    command = [*inside(rig.client), "python3", "-c", LISTEN]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as client:
        try:
            assert client.stdout is not None
            client.stdout.readline()
            two.send_signal(signal.SIGTERM)
            seen: set[arp.Operation] = set()
            for line in client.stdout:
                packet = arp.parse(bytes.fromhex(line))
                if packet and packet.gratuitous and str(packet.sender) == VIPS["second"]:
                    seen.add(packet.operation)
                if seen == set(arp.Operation):
                    break
        finally:
            client.kill()
    assert seen == set(arp.Operation)


def test_messages_from_anywhere_else_are_counted_and_change_nothing(rig: Rig) -> None:
    """Another host, and the peer's own address with another port: the kernel drops both unread."""
    one, two = pair(rig)
    flood = (
        "import socket\ns=socket.socket(2,2)\ns.bind(('192.168.0.252',0))\n"
        "for i in range(20000): s.sendto(b'TwnB'+bytes(100),('192.168.0.251',694))\n"
    )
    subprocess.run([*inside(two.namespace), "python3", "-c", flood], check=True)
    unknown = "import socket;socket.socket(2,2).sendto(b'hello',('192.168.0.251',694))"
    subprocess.run([*inside(rig.client), "python3", "-c", unknown], check=True)
    until(lambda: one.ask("status")["counters"]["foreign"] > 1000, "they are counted", rig)
    assert rig.settled()
    assert "link-down" not in one.log.read_text()


def test_a_changed_site_makes_the_agent_hand_over_and_begin_anew(rig: Rig) -> None:
    """In the same process: a container that ended would take an operator's command in it along.

    These files are of no site that was applied: its peer keeps what it was handed.
    """
    one, two = pair(rig)
    new = two.base / "generation2"
    (new / "sidecar").mkdir(parents=True)
    old = (two.base / "current" / "sidecar" / "site.json").read_text()
    changed = old.replace('"failback_delay_s": 1.0', '"failback_delay_s": 2.0')
    assert changed != old
    (new / "sidecar" / "site.json").write_text(changed)
    (two.base / "current").rename(two.base / "generation1")
    (two.base / "current").symlink_to(new)
    assert two.agent is not None
    until(lambda: " starting " in two.log.read_text().partition(" left\n")[2], "server2 begins anew", rig, 40)
    assert 'group-claimed group=second reason="server2 left"' in one.log.read_text()
    assert two.agent.poll() is None
    until(lambda: two.state() == "active", "server2 takes part again", rig, 40)
    until(lambda: "code=site-not-in-use" in two.log.read_text(), "server2 says what is wrong", rig, 40)
    assert rig.owners() == {"first": ["server1"], "second": ["server1"]}


def test_check_sees_the_machine_as_it_is(rig: Rig) -> None:
    """`twinboot check` where server1's agent runs: real interfaces, addresses, neighbours and listeners."""
    one, _ = pair(rig)
    (one.base / "site.yaml").write_text(SITE)

    def check(*words: str) -> str:
        # ip netns exec: /sys must show this namespace's interfaces.
        done = subprocess.run(
            ["ip", "netns", "exec", one.namespace, sys.executable, "-m", "twinboot.cli", "check", "--server",
             "server1", "--site", str(one.base / "site.yaml"), "--trees", str(one.base), *words],
            capture_output=True, text=True, check=False,
        )
        return done.stdout + done.stderr

    said = check()
    assert "ok      server server1: 192.168.0.251 is on eth0" in said
    assert "ok      link crossover: 10.0.0.1 is on eth1" in said
    assert "ok      group first: 192.168.0.253 is here" in said
    assert "ok      group second: 192.168.0.254 is at server2" in said
    assert "FAULT   port 694/udp" in said
    assert "port 694" not in check("--running", "sidecar")
    run("ip", "-n", rig.client, "addr", "add", "192.168.0.254/32", "dev", "eth0")
    one.ip("link set eth1 down")
    rig.servers["server2"].stop(signal.SIGKILL)
    until(lambda: not rig.servers["server2"].holds("second"), "the address expires", rig)
    one.stop(signal.SIGKILL)
    until(lambda: not one.holds("second"), "the address expires", rig)
    one.ip("neigh flush dev eth0")
    said = check()
    assert "warning group second: 192.168.0.254 answers from" in said
    assert "FAULT   link crossover: eth1 is down" in said
    assert "ok      ports: free, or ours" in said


def test_a_second_agent_on_a_server_ends_at_once_and_harms_nothing(rig: Rig) -> None:
    one, _ = pair(rig)
    first = one.agent
    one.start()
    assert one.agent is not None
    assert one.agent.wait(LIMIT_S) == 1
    one.agent = first
    assert "another agent runs here" in one.log.read_text()
    assert rig.settled()
    assert "group-released group=first" not in one.log.read_text().split("group-claimed group=first")[1]
