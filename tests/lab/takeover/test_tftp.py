"""TFTP downloads outlive their server: the taker goes on where each client is."""

from __future__ import annotations

import hashlib
from contextlib import ExitStack
from pathlib import Path

import pytest
from twinlab import Lab
from twinlab.faults import cable
from twinlab.host.client import Client
from twinlab.host.wait import until

FILE, RATE, SIZE = "trees/rh9/big.bin", "20mbit", 60 << 20
CLIENTS = {
    "atftp": "atftp --option 'blksize 1408' -g -r {file} -l /got {server}",
    "busybox": "busybox tftp -b 1432 -g -r {file} -l /got {server}",
    "tftp-hpa": "tftp {server} -m binary -c get {file} /got",
    "curl": "curl -sS --tftp-blksize 1400 -o /got tftp://{server}/{file}",
    "curl-512": "curl -sS -o /got tftp://{server}/{file}",
    "curl-plain": "curl -sS --tftp-no-options -o /got tftp://{server}/{small}",
}
"""Blocks of 1408, 1432, 512, 1400, 512 and 512 bytes: of two the file has more than 65536. curl says nothing
again for 72 s: it has to be spoken to first. The last one asks for no option, and gets a smaller file: with
more than 65535 blocks it is left alone."""
SMALL = "trees/rh9/images/pxeboot/initrd.img"
SLOW_RATE, SMALL_SIZE = "1mbit", 3 << 20


@pytest.mark.long
@pytest.mark.parametrize("fault", ["power-off", "standby"])
def test_downloads_by_tftp_go_on(lab: Lab, trees: Path, big_sha256: str, fault: str) -> None:
    server = lab.address("first")
    sizes = {name: SMALL_SIZE if "{small}" in command else SIZE for name, command in CLIENTS.items()}
    with ExitStack() as stack, lab.events() as log:
        machines: dict[str, Client] = {name: stack.enter_context(lab.machine()) for name in CLIENTS}
        for name, machine in machines.items():
            cable.limit(machine.container, "eth0", RATE if sizes[name] == SIZE else SLOW_RATE)
        for name, machine in machines.items():
            command = CLIENTS[name].format(server=server, file=FILE, small=SMALL)
            machine.exec("sh", "-c", f"({command}; echo $? >/rc) >/log 2>&1 &")
        for name, machine in machines.items():
            until(lambda m=machine, name=name: has(m) > sizes[name] // 8, f"an eighth by {name}",  # type: ignore[misc]
                  timeout_s=60, every_s=0.1)
        assert all(has(one) < sizes[name] for name, one in machines.items()), "too quick for this test"
        with lab.fault(fault, 1):
            lab.wait_owned({"first": "server2", "second": "server2"})
            for name, machine in machines.items():
                until(lambda m=machine: m.sh("cat /rc", check=False).ok, f"the end of {name}", timeout_s=120)  # type: ignore[misc]
                said = machine.sh("cat /rc /log; sha256sum /got").out
                wanted = big_sha256 if sizes[name] == SIZE else sha256(trees / SMALL.removeprefix("trees/"))
                assert wanted in said, f"{name}: {said}"
            taken_over = log.named("tftp-taken-over")
            assert len(taken_over) == len(CLIENTS)
            assert {event.server for event in taken_over} == {"server2"}


@pytest.mark.long
def test_a_server_that_is_alone_goes_on_with_its_own_downloads(lab: Lab, trees: Path) -> None:
    """Its cable is pulled until it has let its addresses go, with no peer there, and plugged again."""
    address, server = lab.address("first"), lab.server(2)
    with ExitStack() as stack:
        stack.enter_context(lab.fault("power-off", 1))
        lab.wait_owned({"first": "server2", "second": "server2"})
        machines = {name: stack.enter_context(lab.machine()) for name in ("atftp", "tftp-hpa", "curl-512")}
        for name, machine in machines.items():
            cable.limit(machine.container, "eth0", SLOW_RATE)
            get = CLIENTS[name].format(server=address, file=SMALL)
            machine.exec("sh", "-c", f"({get}; echo $? >/rc) >/log 2>&1 &")
        for name, machine in machines.items():
            until(lambda m=machine: has(m) > SMALL_SIZE // 8, f"an eighth by {name}", timeout_s=60)  # type: ignore[misc]
        with lab.fault("unplug", 2, "lan"):
            until(lambda: not server.has(address), "the address to be let go", timeout_s=15)
            assert all(has(one) < SMALL_SIZE for one in machines.values()), "too quick for this test"
        for name, machine in machines.items():
            until(lambda m=machine: m.sh("cat /rc", check=False).ok, f"the end of {name}", timeout_s=120)  # type: ignore[misc]
            said = machine.sh("cat /rc /log; sha256sum /got").out
            assert sha256(trees / SMALL.removeprefix("trees/")) in said, f"{name}: {said}"


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


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def has(client: Client) -> int:
    """How much it has so far."""
    return int(client.sh("stat -c %s /got 2>/dev/null || echo 0").out)
