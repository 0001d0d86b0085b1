"""`twinboot apply` on two real servers; an outside prober asks who has an address and who offers DHCP."""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from alarmhelp import alarm_keys
from applyhelp import apply, boots, numbers, site_on, wait_settled, write
from labhelp import own_lab
from twinlab import Lab
from twinlab.host.engine import Result
from twinlab.host.wait import until

GAP_S = 2.0
"""A planned move takes some hundredths of a second; this is for a busy machine."""


@pytest.fixture(scope="module")
def pair(trees: Any) -> Iterator[Lab]:
    with own_lab("apply", trees=trees) as made:
        yield made


@pytest.mark.long
def test_a_host_is_added_on_all_servers_and_nothing_moves(pair: Lab) -> None:
    one, two = pair.server(1), pair.server(2)
    site, before, was = site_on(one), boots(pair), numbers(pair)
    owners = pair.owners()
    added = copy.deepcopy(next(iter(site["hosts"].values())))
    added.update(mac="52:54:00:aa:bb:cc", address=str(pair.layout.lan[77]))
    site["hosts"]["added"] = added
    write(one, site)
    edited = ("site-edited", "server1")
    until(lambda: edited in alarm_keys(one.status() or {"alarms": ()}), "the alarm of an edited file",
          timeout_s=30)

    shown = one.sidecar("twinboot", "apply", "--dry-run", check=False)
    assert shown.code == 3
    assert "hosts.added" in shown.out
    assert "dhcpd/dhcpd.conf" in shown.out
    assert numbers(pair) == was, "a look changes nothing"

    done = apply(one)
    assert done.ok, done.out + done.err
    for server in (one, two):
        assert f"{server.name}: accepted" in done.out, done.out
        rendered = server.sidecar("cat", "/etc/twinboot/current/dhcpd/dhcpd.conf").out
        assert "52:54:00:aa:bb:cc" in rendered
    assert set(numbers(pair).values()) == {(was["server1"] or 0) + 1}
    assert boots(pair) == before, "no sidecar began anew"
    assert pair.owners() == owners
    again = apply(one)
    assert again.ok
    assert "nothing to apply" in again.out
    assert edited not in alarm_keys(one.status() or {"alarms": ()})


def test_dhcpd_and_an_address_move_without_a_doubled_holder(pair: Lab) -> None:
    one = pair.server(1)
    wait_settled(pair)
    site = site_on(one)
    first, second = (site["groups"][name] for name in ("first", "second"))
    second["services"], first["services"] = first["services"], []
    kept, old = second["address"], first["address"]
    new = str(pair.layout.lan[240])
    first["address"] = new
    write(one, site)
    with pair.prober([kept, old, new]) as prober, pair.lan_recorder() as recorder:
        began = recorder.report(0).end
        done = apply(one)
        assert done.ok, done.out + done.err
        wait_settled(pair)
        holders = recorder.holders()
        assert len(holders[kept]) == 1, holders
        seen, report = prober.seen(), recorder.report(began)
    for address, record in seen.items():
        assert not record.doubles(), (address, record.doubles())
    assert not report.doubled_offers, report.doubled_offers
    assert report.silence[kept] < GAP_S, report.silence
    addresses = {name: server.addresses()["eth0"] for name, server in pair.servers.items()}
    assert sum(new in held for held in addresses.values()) == 1
    assert not any(old in held for held in addresses.values()), "the old one is nowhere"
    running = [name for name, server in pair.servers.items() if server.containers()["dhcpd"] == "running"]
    assert len(running) == 1
    print(f"{kept}: longest silence {report.silence[kept]:.2f} s, DHCP {report.offer_gap:.2f} s")


@pytest.mark.long
def test_the_previous_site_comes_back(pair: Lab) -> None:
    two = pair.server(2)
    wait_settled(pair)
    was = numbers(pair)["server2"] or 0
    done = apply(two, "--previous")
    assert done.ok, done.out + done.err
    wait_settled(pair)
    assert set(numbers(pair).values()) == {was + 1}
    for server in pair.servers.values():
        assert site_on(server)["groups"]["first"]["address"] == pair.address("first")
    assert "dhcpd" in site_on(two)["groups"]["first"]["services"]


def test_what_one_server_refuses_changes_nothing(pair: Lab) -> None:
    one = pair.server(1)
    wait_settled(pair)
    before, alive = numbers(pair), boots(pair)
    site = site_on(one)
    site["servers"]["server2"]["interface"] = "eth9"
    write(one, site)
    refused = apply(one)
    said = refused.out + refused.err
    assert refused.code == 1, said
    assert "server2: refused" in said
    assert "eth9" in said
    assert "nothing was changed" in said
    assert numbers(pair) == before
    assert boots(pair) == alive
    faulty = {**site, "colour": "red"}
    write(one, faulty)
    broken = apply(one)
    assert broken.code == 2
    assert "colour" in broken.out + broken.err
    write(one, site_on(one))


@pytest.mark.long
def test_of_two_operators_the_second_is_told_of_the_first(pair: Lab) -> None:
    one, two = pair.server(1), pair.server(2)
    wait_settled(pair)
    results: dict[str, Result] = {}
    for server, mac in ((one, "52:54:00:aa:00:01"), (two, "52:54:00:aa:00:02")):
        site = site_on(server)
        site["hosts"]["both"] = {**next(iter(site["hosts"].values())), "mac": mac,
                                 "address": str(pair.layout.lan[78])}  # fmt: skip
        write(server, site)
    threads = [
        threading.Thread(target=lambda s=server: results.update({s.name: apply(s)}))  # type: ignore[misc]
        for server in (one, two)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    good = [name for name, result in results.items() if result.ok]
    assert len(good) <= 1 or numbers(pair)["server1"], results
    for name, result in results.items():
        if not result.ok:
            other = "server2" if name == "server1" else "server1"
            assert f"{other} is applying" in result.err or "still being taken into use" in result.err or \
                f"{other} has applied" in result.err, result
    wait_settled(pair)
    assert site_on(one) == site_on(two)
    write(one, site_on(one))
    write(two, site_on(two))


@pytest.mark.long
def test_a_server_that_was_away_takes_the_site_before_it_claims(pair: Lab) -> None:
    one, two = pair.server(1), pair.server(2)
    wait_settled(pair)
    site = site_on(one)
    first, second = (site["groups"][name] for name in ("first", "second"))
    second["services"], first["services"] = first["services"], []
    write(one, site)
    with pair.events() as log:
        with pair.fault("power-off", "server2"):
            until(lambda: len(pair.owners()["second"]) == 1 and pair.owners()["second"] == ["server1"],
                  "server1 to hold all", timeout_s=30)
            refused = apply(one)
            assert refused.code == 1
            assert "--without server2" in refused.err, refused.err
            done = apply(one, "--without", "server2")
            assert done.ok, done.out + done.err
            number = numbers(pair)["server1"]
        wait_settled(pair)
        claims = [e for e in log.named("group-claimed") if e.server == "server2"]
        taken = [e for e in log.named("site-rendered") if e.server == "server2"]
    assert numbers(pair)["server2"] == number
    assert taken
    assert all(claim.time > taken[-1].time for claim in claims), "nothing by the old site"
    running = [name for name, server in pair.servers.items() if server.containers()["dhcpd"] == "running"]
    assert len(running) == 1
    assert two.sidecar("twinboot", "apply", "--status").out.startswith(f"site {number} is in force")
