"""Leases over the life of a cluster: none is forgotten, whoever serves, dies, returns or starts anew."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from leasefakes import T0, VIP, FakeDisk, LeaseServer, address, mac, row_change
from twinboot.agent.dhcp.presumed import REQUEST_WINDOW_S, SnoopedRequest
from twinboot.core.model import ServiceState
from twinboot.dhcp.isc.lease_text import LeaseFileParser, declaration


def scenario(play: Callable[[LeaseServer, LeaseServer], Awaitable[None]]) -> None:
    """Two servers that hear each other; dhcpd runs on the first."""

    async def run() -> None:
        one, two = LeaseServer(), LeaseServer()
        one.replicator.join(two.leases)
        two.replicator.join(one.leases)
        await one.start_dhcpd()
        try:
            await play(one, two)
        finally:
            await one.end()
            await two.end()

    asyncio.run(run())


def name(client: int) -> str:
    return mac(client).hex(":")


def test_a_taker_starts_with_every_lease() -> None:
    async def play(one: LeaseServer, two: LeaseServer) -> None:
        one.grant(160, 1)
        one.grant(161, 2)
        await one.settle()
        await two.start_dhcpd()
        assert two.disk.has() == {160: name(1), 161: name(2)}

    scenario(play)


def test_a_planned_move_loses_nothing_though_nobody_told_of_the_last_line() -> None:
    async def play(one: LeaseServer, two: LeaseServer) -> None:
        one.grant(160, 1, heard=False)
        await one.stop_dhcpd()
        assert one.replicator.waited == 1
        await two.start_dhcpd()
        assert two.disk.has() == {160: name(1)}

    scenario(play)


def test_peers_that_do_not_answer_hold_up_no_move(caplog: pytest.LogCaptureFixture) -> None:
    async def play(one: LeaseServer, two: LeaseServer) -> None:
        one.replicator.cut = True
        await one.stop_dhcpd()

    scenario(play)
    assert "leases-undelivered" in [record.getMessage() for record in caplog.records]


def test_the_lease_file_is_dhcpds_while_it_runs() -> None:
    async def play(one: LeaseServer, two: LeaseServer) -> None:
        writes = one.disk.writes
        one.leases.apply_change(row_change(9, 170, 7))
        await asyncio.to_thread(one.leases.before_start, "dhcpd")
        await one.settle()
        assert one.disk.writes == writes
        await one.stop_dhcpd()
        await one.start_dhcpd()
        assert one.disk.writes == writes + 1
        assert one.disk.has() == {170: name(7)}

    scenario(play)


def test_whoever_served_last_is_right_whatever_the_clocks_say() -> None:
    async def play(one: LeaseServer, two: LeaseServer) -> None:
        one.wall = T0 + 7200  # an hour or two fast
        one.grant(160, 1)
        await one.settle()
        await two.start_dhcpd()
        two.grant(160, 2)  # the first client had given it back
        await two.settle()
        await one.stop_dhcpd()
        await two.stop_dhcpd()
        await one.start_dhcpd()
        assert one.disk.has() == {160: name(2)}

    scenario(play)


def test_a_dead_server_brings_back_what_nobody_else_knew() -> None:
    async def play(one: LeaseServer, two: LeaseServer) -> None:
        one.grant(160, 1)
        await one.settle()
        one.replicator.cut = True
        one.grant(161, 2)
        one.grant(160, 3)
        await two.start_dhcpd()
        two.grant(160, 4)
        await two.settle()
        again = LeaseServer(one.disk)  # power on
        again.replicator.join(two.leases)
        await again.settle()
        two.replicator.join(again.leases)
        await two.stop_dhcpd()
        assert two.disk.has() == {160: name(4)}
        await two.start_dhcpd()
        assert two.disk.has() == {160: name(4), 161: name(2)}
        await again.end()

    scenario(play)


def test_a_lease_that_is_only_written_down_again_is_no_newer() -> None:
    async def play(one: LeaseServer, two: LeaseServer) -> None:
        one.grant(160, 1)
        await one.settle()
        await two.start_dhcpd()
        text = b"".join(declaration(lease) for lease in two.disk.file)
        text = text.replace(b"  cltt", b"  tstp 0 2026/11/22 21:22:08;\n  cltt")
        two.disk.file = list(LeaseFileParser().feed(text))
        two.disk.read_to = 0
        two.leases.file_changed()
        await two.settle()
        assert [lease.epoch for lease in two.leases._leases.values()] == [1]

    scenario(play)


def test_a_server_that_was_away_gets_the_whole_and_keeps_it() -> None:
    async def play(one: LeaseServer, two: LeaseServer) -> None:
        for i in range(30):
            one.grant(160 + i, i)
        await one.settle()
        three = LeaseServer()
        one.replicator.join(three.leases)
        await three.end()
        again = LeaseServer(three.disk)  # started anew, alone
        await again.settle()
        await again.start_dhcpd()
        assert len(again.disk.has()) == 30
        await again.end()

    scenario(play)


def test_a_sidecar_started_anew_while_dhcpd_serves_goes_on_where_it_was() -> None:
    async def play(one: LeaseServer, two: LeaseServer) -> None:
        one.grant(160, 1)
        await one.settle()
        await one.end()
        one.grant(161, 2, heard=False)
        again = LeaseServer(one.disk)
        again.replicator.join(two.leases)
        again.leases.observed("dhcpd", ServiceState.RUNNING)
        again.grant(162, 3)
        await again.settle()
        await two.start_dhcpd()
        assert two.disk.has() == {160: name(1), 161: name(2), 162: name(3)}
        await again.end()

    scenario(play)


def test_only_the_one_who_knows_it_best_tells_of_a_lease() -> None:
    async def play(one: LeaseServer, two: LeaseServer) -> None:
        one.grant(160, 1)
        await one.settle()
        await two.start_dhcpd()
        two.grant(160, 2)
        await two.settle()
        assert len(two.replicator.table) == 1
        assert one.replicator.table == {}

    scenario(play)


# The moment between an answer and its replication ------------------------------------------------------


@pytest.mark.parametrize(("at", "last", "server", "presumed"), [
    (99.0, 170, VIP, True),
    (100.0 - REQUEST_WINDOW_S - 1, 170, VIP, False),  # long ago: replication would have told
    (99.0, 210, VIP, False),  # not an address that dhcpd gives
    (99.0, 170, address(9), False),  # another server's
    (99.0, 160, VIP, False),  # dhcpd refused: it is somebody else's
    (99.0, 161, VIP, True),  # the client's own, asked for again
])
def test_what_a_client_asked_for_is_its_own(at: float, last: int, server: object, presumed: bool) -> None:
    async def play(one: LeaseServer, two: LeaseServer) -> None:
        one.grant(160, 1)
        one.grant(161, 5)
        await one.settle()
        two.now = 100.0
        two.wall = one.wall
        two.leases._learnt_at.clear()
        two.requests = [SnoopedRequest(at, address(last), mac(5), server)]  # type: ignore[arg-type]
        before = {lease.address: lease for lease in one.disk.file}
        await two.start_dhcpd()
        expected = {160: name(1), 161: name(5)} | ({last: name(5)} if presumed else {})
        assert two.disk.has() == expected
        for lease in two.disk.file:
            known = before.get(lease.address)
            assert lease.address == address(last) or (known and lease == replace(known, epoch=lease.epoch))

    scenario(play)


def test_what_the_stream_has_told_since_is_not_guessed() -> None:
    async def play(one: LeaseServer, two: LeaseServer) -> None:
        two.requests = [SnoopedRequest(99.0, address(170), mac(5), VIP)]
        two.leases.apply_change(row_change(1, 170, 6))
        await two.start_dhcpd()
        assert two.disk.has() == {170: name(6)}

    scenario(play)


# Faults --------------------------------------------------------------------------------------------


def test_a_full_disk_is_shown_and_costs_no_start() -> None:
    async def play(one: LeaseServer, two: LeaseServer) -> None:
        two.disk.fault = "no space left on device"
        two.leases.apply_change(row_change(9, 170, 7))
        await two.start_dhcpd()
        assert "no space left" in two.leases.fault
        two.disk.fault = ""
        two.leases._save()
        two.grant(160, 1)
        await two.settle()
        assert [lease.address for lease in two.disk.saved] == [address(170)]
        await two.stop_dhcpd()
        await two.start_dhcpd()
        assert two.leases.fault == ""
        assert two.disk.has() == {160: name(1), 170: name(7)}

    scenario(play)


def test_junk_of_a_peer_is_refused(caplog: pytest.LogCaptureFixture) -> None:
    async def play(one: LeaseServer, two: LeaseServer) -> None:
        two.leases.apply_change(row_change(1, 170, 6).__class__("peer", "leases", b"junk", b"junk"))

    scenario(play)
    assert [r.getMessage() for r in caplog.records].count("lease-refused") == 1


def test_a_row_of_another_key_is_refused(caplog: pytest.LogCaptureFixture) -> None:
    async def play(one: LeaseServer, two: LeaseServer) -> None:
        change = row_change(1, 170, 6)
        two.leases.apply_change(change.__class__("peer", "leases", address(171).packed, change.value))
        assert len(two.leases) == 0

    scenario(play)
    assert [r.getMessage() for r in caplog.records].count("lease-refused") == 1


def test_a_journal_of_an_unknown_form_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    async def play(one: LeaseServer, two: LeaseServer) -> None:
        two.disk.ignored = "its form is unknown"
        again = LeaseServer(two.disk)
        await again.start_dhcpd()
        again.grant(160, 1)
        await again.end()
        assert again.disk.has() == {160: name(1)}

    scenario(play)
    told = [r for r in caplog.records if r.getMessage() == "lease-journal-ignored"]
    assert len(told) == 1
    assert told[0].levelname == "WARNING"


def test_other_services_are_not_its_business() -> None:
    async def play(one: LeaseServer, two: LeaseServer) -> None:
        two.leases.before_start("vsftpd")
        two.leases.after_stop("vsftpd")
        two.leases.observed("vsftpd", ServiceState.RUNNING)
        assert not two.leases.serving("dhcpd")
        assert two.disk.writes == 0

    scenario(play)


def test_a_fresh_disk_is_empty() -> None:
    assert FakeDisk().has() == {}


def test_the_server_that_serves_knows_of_a_range_without_an_address_left() -> None:
    async def play(one: LeaseServer, two: LeaseServer) -> None:
        for last in range(160, 200):
            assert one.leases.exhausted_ranges() == []
            one.grant(last, last)
            await one.settle()
        assert [found.subject for found in one.leases.exhausted_ranges()] == ["192.168.0.160-192.168.0.199"]
        assert (one.leases.serves_here, two.leases.serves_here) == (True, False)
        one.wall += 601
        assert one.leases.exhausted_ranges() == []

    scenario(play)
