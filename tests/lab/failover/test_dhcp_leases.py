"""A storm of DHCP clients while the owner loses its power: no address twice, no lease forgotten."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from alarmhelp import alarm_keys
from labhelp import own_lab
from leasehelp import PATCH, Event, events, holds_what_it_has
from twinlab import Lab
from twinlab.host.client import Client
from twinlab.host.wait import until

CLIENTS, LATER = 140, 30
AT_POWER_OFF = 50


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """A lab of its own, for its range of addresses."""
    with own_lab("leases", patch=PATCH) as made:
        yield made


def storm(lab: Lab, client: Client) -> list[Event]:
    """Clients come, the owner goes in their middle; all ACKs, also of those who came later."""
    amount = ("--clients", str(CLIENTS), "--rate", "15", "--limit", "90")
    running = client.start("/lab/storm.py", "bind", *amount)
    assert running.stdout is not None
    said = ""
    while len(events(said, "ack")) < AT_POWER_OFF:
        said += running.stdout.readline()
    with lab.fault("power-off", "server1"):
        try:
            said += running.communicate(timeout=120)[0]
        finally:
            running.kill()
        acks = events(said, "ack")
        return acks + after_the_storm(lab, client, acks)


def after_the_storm(lab: Lab, client: Client, acks: list[Event]) -> list[Event]:
    """With the first owner still dead; the ACKs of clients that come now."""
    vip, taker = lab.address("first"), lab.server(2).mac
    leases = {ack["mac"]: ack["address"] for ack in acks}
    assert len(leases) == CLIENTS, "every client got an address"
    assert len(set(leases.values())) == CLIENTS, "and none got another's"
    assert len({ack["from"] for ack in acks}) == 2, "both servers had their part"
    assert holds_what_it_has(client, leases, vip) == {taker}
    assert holds_what_it_has(client, leases, vip, "reboot") == {taker}
    amount = ("--first", "5000", "--clients", str(LATER), "--limit", "60")
    later = client.exec("/lab/storm.py", "bind", *amount).out
    new = {ack["mac"]: ack["address"] for ack in events(later, "ack")}
    assert len(new) == len(set(new.values())) == LATER
    assert not set(new.values()) & set(leases.values()), "new clients get other addresses"
    return events(later, "ack")


@pytest.mark.long
def test_a_storm_outlives_its_server(lab: Lab) -> None:
    with lab.machine() as client, lab.events() as log:
        acks = storm(lab, client)
        claimed = [e for e in log.named("group-claimed", group="first") if e.server == "server2"]
        first = min(ack["t"] for ack in acks if ack["from"] == lab.server(2).mac)
        print(f"first ACK of the taker {first - claimed[0].time:.2f} s after its claim")
        # The dead one is back, takes its group again, and knows all that happened meanwhile.
        lab.wait_owned({"first": "server1", "second": "server2"})
        until(lambda: "running" in json.dumps(lab.status()["server1"]), "dhcpd on server1", timeout_s=30)
        leases = {ack["mac"]: ack["address"] for ack in acks}
        assert holds_what_it_has(client, leases, lab.address("first")) == {lab.server(1).mac}


def test_a_planned_move_takes_the_leases_along(lab: Lab) -> None:
    lab.wait_owned({"first": "server1", "second": "server2"})
    with lab.machine() as client:
        said = client.exec("/lab/storm.py", "bind", "--first", "9000", "--clients", "5", "--limit", "30").out
        leases = {ack["mac"]: ack["address"] for ack in events(said, "ack")}
        assert len(leases) == 5
        with lab.fault("standby", "server1"):
            lab.wait_owned({"first": "server2", "second": "server2"})
            assert holds_what_it_has(client, leases, lab.address("first")) == {lab.server(2).mac}
            book = lab.server(2).exec(
                "cat", "/var/lib/docker/volumes/twinboot_leases/_data/dhcpd.leases").out
            assert all(f"lease {address} {{" in book for address in leases.values())


@pytest.mark.long
def test_a_foreign_dhcp_server_is_named(lab: Lab) -> None:
    lan = str(lab.layout.lan.network_address).rsplit(".", 1)[0]
    options = ("--no-daemon", "--port=0", "--leasefile-ro", "--no-ping", "--interface=eth0",
               f"--dhcp-range={lan}.20,{lan}.25,2m")
    with lab.machine("dnsmasq", *options, ip=f"{lan}.9", mac="02:42:00:00:00:09"):
        alarm = ("foreign-dhcp-server", f"{lan}.9")

        def named() -> bool:
            return all(view is not None and alarm in alarm_keys(view) for view in lab.status().values())

        until(named, f"the alarm '{alarm}' on both servers", timeout_s=100)
        assert "foreign-dhcp-server" in lab.server(1).logs()
