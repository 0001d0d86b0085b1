"""A server is backed up, lost and restored; one leaves, and joins by an invitation."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from applyhelp import site_on
from labhelp import EVEN, host, own_lab
from operatorfiles import put_project, type_in, wipe
from twinboot import kept
from twinlab import Lab
from twinlab.host.server import Server
from twinlab.host.wait import until

pytestmark = pytest.mark.long

PHRASE = "/root/phrase"
FILE = "/root/server1.backup"
TOKEN = "0123456789abcdef"
BACK_S = 300.0
"""An empty server is back in five minutes, trees aside."""


@pytest.fixture(scope="module")
def three(trees: Path) -> Iterator[Lab]:
    with own_lab("backup", servers=3, trees=trees) as made:
        for server in made.servers.values():
            put_project(server)
            server.exec("sh", "-c", f"echo correct horse >{PHRASE}")
        yield made


def machines(server: Server) -> dict[str, dict[str, Any]]:
    said = server.sidecar("twinboot", "machines", "--json", check=False)
    return {one["name"]: one for one in json.loads(said.out)} if said.ok else {}


def wait_machine(server: Server, name: str, state: str, boots: str) -> None:
    def there() -> bool:
        one = machines(server).get(name, {})
        return (one.get("state"), one.get("boots")) == (state, boots)

    until(there, f"{server.name}: {name} to be {state} and to boot {boots}", timeout_s=60)


def alive_peers(server: Server) -> int:
    view = server.status()
    return sum(peer["state"] == "alive" for peer in view["peers"].values()) if view else -1


def leases(server: Server) -> str:
    return server.sidecar("cat", "/var/lib/dhcp/twinboot.leases", check=False).out


def report(lab: Lab, event: str) -> str:
    with host(lab, EVEN) as client:
        url = f"http://{lab.address('second')}/report/cli128/{event}?token={TOKEN}"
        return client.sh(f"curl -s --max-time 20 '{url}'").out.strip()


def back_up(server: Server) -> None:
    done = type_in(server, f"scripts/twinboot backup --passphrase-file {PHRASE} {FILE}")
    assert done.code == 0, done.out + done.err
    assert server.exec("stat", "-c", "%a", FILE).out.strip() == "600"


def restore(server: Server, *options: str) -> str:
    done = type_in(server, f"scripts/twinboot restore --passphrase-file {PHRASE} {' '.join(options)} {FILE}")
    assert done.code == 0, done.out + done.err
    return done.out


def test_a_lost_server_is_restored_and_what_the_others_know_counts(three: Lab) -> None:
    one, two = three.server(1), three.server(2)
    three.wait_owned()
    until(lambda: machines(one).get("cli128", {}).get("boots") == "install", "an offer", timeout_s=60)
    leased = three.client("dhclient", "-1", "-v", "eth0", check=False)
    print(leased.out + leased.err)
    until(lambda: leases(one).count("\n") == leases(two).count("\n"), "leases on both", timeout_s=30)
    back_up(one)
    listed = one.sidecar("sh", "-c", "cd /var/lib/twinboot && find . -type f").out.split()
    written = [path.removeprefix("./") for path in listed]
    assert kept.MACHINES.name in written
    assert [name for name in written if kept.known(kept.Volume.STATE, name) is None] == []
    key = one.exec("cat", "/opt/twinboot/config/secrets/heartbeat.key").out.strip()
    assert one.exec("grep", "-c", key, FILE, check=False).out.strip() == "0"
    assert report(three, "start") == "go"
    assert report(three, "done") == "ok"
    runs = type_in(one, f"scripts/twinboot restore --passphrase-file {PHRASE} {FILE}")
    assert runs.code == 2, runs.out + runs.err
    assert "make down first" in runs.err

    site, before = site_on(one), leases(one)
    began = time.monotonic()
    wipe(one)
    one.exec("sh", "-c", "echo another horse >/root/wrong")
    wrong = type_in(one, f"scripts/twinboot restore --passphrase-file /root/wrong {FILE}")
    assert wrong.code == 2, wrong.out + wrong.err
    assert "the passphrase is not the one" in wrong.err
    assert not one.exec("test", "-e", "/opt/twinboot/config/site.yaml", check=False).ok
    said = restore(one)
    assert "backup of server1" in said
    assert "cli128" in said, "it was to be installed when the backup was made"
    up = type_in(one, "scripts/up")
    assert up.code == 0, up.out + up.err
    three.wait_owned({"first": "server1"})
    print(f"from an empty server to its groups: {time.monotonic() - began:.1f} s")
    assert time.monotonic() - began < BACK_S
    assert site_on(one) == site
    assert one.exec("cat", "/opt/twinboot/config/secrets/heartbeat.key").out.strip() == key
    wait_machine(one, "cli128", "done", "disk")
    wait_machine(two, "cli128", "done", "disk")
    wait_machine(one, "cli129", "waiting", "install")
    wait_machine(two, "cli129", "waiting", "install")
    assert set(before.split()) & set(leases(one).split()) - {"twinboot-leases", "1"}

    again = type_in(one, f"scripts/down && scripts/twinboot restore --passphrase-file {PHRASE} {FILE}")
    assert again.code == 2, again.out + again.err
    assert "--replace" in again.err
    assert type_in(one, "scripts/up").code == 0
    three.wait_owned()


def test_one_leaves_and_joins_again_by_an_invitation(three: Lab) -> None:
    one, third = three.server(1), three.server(3)
    three.wait_owned()
    links = site_on(one)["servers"]["server3"]["links"]
    left = type_in(third, "scripts/leave")
    assert left.code == 0, left.out + left.err
    assert "docker volume rm" in left.out
    assert third.containers() == {}
    until(lambda: not any("server3" in site_on(server)["servers"] for server in (one, three.server(2))),
          "the site without it", timeout_s=60)
    last = type_in(one, "scripts/leave")
    assert last.code == 2, last.out + last.err
    assert "2 servers at least" in last.err
    wipe(third)

    address, cable = third.addresses()["eth0"][0], third.addresses()["eth1"][0]
    assert "address" in links["crossover"]
    told = type_in(one, "scripts/twinboot invite server3")
    assert told.code == 2
    assert "--address" in told.err
    entry = f"--address {address} --interface eth0 --link crossover={cable}@eth1"
    log = "/tmp/invite.log"
    type_in(one, f"setsid scripts/twinboot invite server3 {entry} --yes >{log} 2>&1 </dev/null &")
    token = until(lambda: re.search(r"TOKEN=(\S+)", one.exec("cat", log).out), "the token", timeout_s=120)[1]
    altered = type_in(third, f"scripts/join {token[:-3]}xyz")
    assert altered.code == 2, altered.out + altered.err
    assert "not as it was printed" in altered.err
    wall = "chain in { type filter hook input priority -1; tcp dport 694 drop; }"
    one.exec("nft", f"table ip closed {{ {wall}; }}")
    try:
        walled = type_in(third, f"scripts/join {token}")
    finally:
        one.exec("nft", "delete", "table", "ip", "closed")
    assert walled.code == 2, walled.out + walled.err
    assert "TCP port 694" in walled.err
    assert not third.exec("test", "-e", "/opt/twinboot/config/site.yaml", check=False).ok

    began = time.monotonic()
    joined = type_in(third, f"scripts/join {token}")
    assert joined.code == 0, joined.out + joined.err
    print(f"joined in {time.monotonic() - began:.1f} s")
    until(lambda: "has all that it needs" in one.exec("cat", log).out, "the end of it", timeout_s=20)
    until(lambda: all(alive_peers(server) == 2 for server in three.servers.values()),
          "all to hear each other", timeout_s=60)
    assert site_on(third) == site_on(one)
    known = machines(one)["cli128"]
    wait_machine(third, "cli128", known["state"], known["boots"])
    mode = third.exec("stat", "-c", "%a", "/opt/twinboot/config/secrets/heartbeat.key").out.strip()
    assert mode == "600"
    type_in(third, "scripts/down")
    used = type_in(third, f"scripts/join {token}")
    assert used.code == 2, used.out + used.err
    assert "used or withdrawn" in used.err
    assert type_in(third, "scripts/up").code == 0
    three.wait_owned()


def test_a_whole_site_from_an_old_backup_installs_nobody_again(three: Lab) -> None:
    """After the backup cli129 was installed, for all that anybody knows; every server is lost."""
    one = three.server(1)
    three.wait_owned()
    back_up(one)
    for server in three.servers.values():
        wipe(server)
    said = restore(one)
    assert re.search(r"\bcli129\b", said)
    assert type_in(one, "scripts/up").code == 0
    three.wait_owned(dict.fromkeys(three.addresses, "server1"))
    wait_machine(one, "cli129", "restored", "disk")
    wait_machine(one, "cli128", "done", "disk")
    status = one.status()
    assert status is not None
    assert "machines-restored" in {alarm["code"] for alarm in status["alarms"]}
    until(lambda: one.sidecar("twinboot", "install", "--yes", "cli129", check=False).ok,
          "an order to be taken: a server alone waits some seconds for what its peers may know", timeout_s=30)
    wait_machine(one, "cli129", "waiting", "install")
