"""TFTP downloads outlive their server: the taker goes on where each client is."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
from twinlab import Lab
from twinlab.faults import cable
from twinlab.host.client import Client
from twinlab.host.wait import until

FILE, RATE, SIZE = "trees/rh9/big.bin", "40mbit", 60 << 20
CLIENTS = {
    "atftp": "atftp --option 'blksize 1408' -g -r {file} -l /got {server}",
    "busybox": "busybox tftp -b 1432 -g -r {file} -l /got {server}",
    "tftp-hpa": "tftp {server} -m binary -c get {file} /got",
}
"""Their blocks have 1408, 1432 and 512 bytes: of the last the file has more than 65536. Not curl: it never
says anything again, so that nothing can be done for it."""


@pytest.mark.long
@pytest.mark.parametrize("fault", ["power-off", "standby"])
def test_downloads_by_tftp_go_on(lab: Lab, big_sha256: str, fault: str) -> None:
    server = lab.address("first")
    with ExitStack() as stack, lab.events() as log:
        machines: dict[str, Client] = {name: stack.enter_context(lab.machine()) for name in CLIENTS}
        for name, machine in machines.items():
            cable.limit(machine.container, "eth0", RATE)
            command = CLIENTS[name].format(server=server, file=FILE)
            machine.exec("sh", "-c", f"({command}; echo $? >/rc) >/log 2>&1 &")
        for name, machine in machines.items():
            until(lambda m=machine: has(m) > SIZE // 8, f"an eighth by {name}", timeout_s=60, every_s=0.1)  # type: ignore[misc]
        assert all(has(machine) < SIZE for machine in machines.values()), "too quick for this test"
        with lab.fault(fault, 1):
            lab.wait_owned({"first": "server2", "second": "server2"})
            for name, machine in machines.items():
                until(lambda m=machine: m.sh("cat /rc", check=False).ok, f"the end of {name}", timeout_s=120)  # type: ignore[misc]
                said = machine.sh("cat /rc /log; sha256sum /got").out
                assert big_sha256 in said, f"{name}: {said}"
            taken_over = log.named("tftp-taken-over")
            assert len(taken_over) == len(CLIENTS)
            assert {event.server for event in taken_over} == {"server2"}


LOADER = "ldlinux.c32"


def test_a_boot_loader_goes_on_from_the_images_own_copy(lab: Lab) -> None:
    """It is no published file: the taker has it of its own TFTP image."""
    with lab.machine() as machine, lab.events() as log:
        cable.limit(machine.container, "eth0", "200kbit", burst="4k")
        get = CLIENTS["atftp"].format(server=lab.address("first"), file=LOADER)
        machine.exec("sh", "-c", f"({get}; echo $? >/rc) >/log 2>&1 &")
        until(lambda: has(machine) > 20_000, "the first part of it", timeout_s=30, every_s=0.05)
        assert not machine.sh("cat /rc", check=False).ok, "too quick for this test"
        with lab.fault("power-off", 1):
            cable.limit(machine.container, "eth0", "100mbit")
            lab.wait_owned({"first": "server2", "second": "server2"})
            until(lambda: machine.sh("cat /rc", check=False).ok, "its end", timeout_s=60)
            wanted = lab.server(2).docker("exec", "twinboot-tftp-1", "sha256sum", f"/srv/tftp/{LOADER}").out
            said = machine.sh("cat /rc /log; sha256sum /got").out
            assert wanted.split()[0] in said, said
            assert [event.fields["file"] for event in log.named("tftp-taken-over")] == [LOADER]


def has(client: Client) -> int:
    """How much it has so far."""
    return int(client.sh("stat -c %s /got 2>/dev/null || echo 0").out)
