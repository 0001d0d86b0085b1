"""A machine without an entry is seen on every server and gets one by `scripts/twinboot enroll`, as operators
call it: the site file keeps its comments, all servers take it, and the machine boots its profile."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from enrollhelp import FILE, exported, put_scripts, twinboot, unknown
from labhelp import discover
from twinlab import Lab
from twinlab.host.wait import until

MAC, OTHER = "52:54:00:00:42:01", "52:54:00:00:42:02"
UUID = "564d2c3a-9f1b-4c57-8e0d-2f6a7b8c9d10"


def ask(lab: Lab, mac: str, *options: str) -> list[dict[str, Any]]:
    """The machine's firmware asks once; the offers."""
    said = "--option", "93:0007", "--option", f"97:00{uuid.UUID(UUID).bytes_le.hex()}"
    offers: list[dict[str, Any]] = discover(lab, "--mac", mac, *said, *options)["offers"]
    return offers


@pytest.fixture
def operated(lab: Lab) -> Iterator[Lab]:
    """Both servers have the scripts; their site file is as it was afterwards."""
    put_scripts(lab)
    before = lab.server(1).exec("cat", FILE).out
    try:
        yield lab
    finally:
        extra = [name for name in exported(lab.server(1)) if name.startswith("enrolled")]
        if extra:
            twinboot(lab.server(1), "unenroll", *extra, "--may-erase", "--yes", "--all")
        lab.server(1).exec("sh", "-c", f"cat >{FILE} <<'END'\n{before}END")


def test_who_asks_one_server_is_listed_on_both_and_gets_an_entry(operated: Lab) -> None:
    lab, one, two = operated, operated.server(1), operated.server(2)
    ask(lab, MAC, "--to", one.mac)
    began = time.monotonic()
    until(lambda: all(MAC in unknown(server) for server in (one, two)), "both list it", timeout_s=20)
    print(f"listed on both after {time.monotonic() - began:.1f} s, asking them included")
    said = f"mac={MAC.replace(':', '-')}&serial=S-42&maker=Dell"
    inventory = f"http://{lab.address('first')}/report/inventory?{said}"
    assert lab.client("curl", "-s", inventory).out.strip() == "ok"
    until(lambda: unknown(two)[MAC]["serial"] == "S-42", "its serial number is there, too", timeout_s=20)
    found = unknown(two)[MAC]
    assert (found["uuid"], found["servers"], found["maker"]) == (UUID, ["server1"], "Dell")
    assert "x64" in found["firmware"]

    one.exec("sh", "-c", f"sed -i '1i # mine, to be kept' {FILE}")
    shown = twinboot(one, "enroll", MAC, "--name", "enrolled1", "--profile", "rh9", "--dry-run")
    assert shown.code == 3, shown.out + shown.err
    refused = twinboot(one, "enroll", MAC, "--name", "cli128", "--profile", "rh8", "--yes")
    assert refused.code == 2
    assert len(refused.err.splitlines()) == 2, refused.err
    done = twinboot(one, "enroll", MAC, "--name", "enrolled1", "--profile", "rh9", "--yes")
    assert done.ok, done.out + done.err
    text = one.exec("cat", FILE).out
    assert text.startswith("# mine, to be kept\n")
    assert "enrolled1" in text
    address = exported(two)["enrolled1"]["address"]
    for server in (one, two):
        assert MAC not in unknown(server), "it has an entry"
    offers = until(lambda: ask(lab, MAC), "it is offered an address", timeout_s=20)
    assert {offer["address"] for offer in offers} == {address}
    with lab.machine() as client:
        name = MAC.replace(":", "-")
        got = client.sh(f"tftp {lab.address('first')} -m binary -c get pxelinux.cfg/01-{name} cfg; cat cfg")
    assert "vmlinuz" in got.out, "it boots its profile"


@pytest.mark.long
def test_what_the_hearer_knew_outlives_it_and_tables_do_not_do_half(operated: Lab) -> None:
    lab, one, two = operated, operated.server(1), operated.server(2)
    ask(lab, OTHER, "--to", one.mac)
    until(lambda: OTHER in unknown(two), "the other one lists it", timeout_s=20)
    with lab.fault("power-off", "server1"):
        lab.wait_owned(dict.fromkeys(lab.addresses, "server2"))
        assert unknown(two)[OTHER]["servers"] == ["server1"]
        two.docker("restart", "twinboot-sidecar-1")
        until(lambda: OTHER in unknown(two), "it was kept on the disk", timeout_s=60)
        wish = ("enroll", OTHER, "--name", "enrolled2", "--profile", "rh9", "--yes")
        refused = twinboot(two, *wish)
        assert refused.code == 1, "not all servers can take it"
        assert "--without server1" in refused.err
        assert "as it was before" in refused.out
        assert "enrolled2" not in two.exec("cat", FILE).out
        done = twinboot(two, *wish, "--without", "server1")
        assert done.ok, done.out + done.err
    lab.wait_owned()
    head = "name,mac,address,profile\n"
    rows = [f"enrolled{n},52:54:00:00:43:{n:02x},auto,rh9\n" for n in range(3, 6)]
    broken = twinboot(two, "hosts", "import", "-", "--yes", stdin=head + "".join(rows) + rows[0])
    assert broken.code == 2
    assert "line 5" in broken.err
    done = twinboot(two, "hosts", "import", "-", "--yes", stdin=head + "".join(rows))
    assert done.ok, done.out + done.err
    table = one.sidecar("twinboot", "hosts", "export", "--csv").out
    assert sum(row.startswith("enrolled") for row in table.splitlines()) == 4, "one from before, and three"
    # server1's file is that of a site before: nothing of server2's is lost by a change from here
    more = twinboot(one, "enroll", MAC, "--name", "enrolled1", "--profile", "rh9", "--yes")
    assert more.ok, more.out + more.err
    assert "takes its place" in more.out
    assert one.exec("cat", FILE).out.count("  enrolled") == 5
    gone = twinboot(one, "unenroll", "enrolled3", "--yes")
    assert gone.code == 2
    assert "--may-erase" in gone.err
