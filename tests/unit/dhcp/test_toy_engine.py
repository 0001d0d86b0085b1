"""A toy DHCP engine, registered here alone: a site is rendered with it, and its leases are the cluster's."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from leasefakes import T0, LeaseServer, address, mac
from twinboot import dhcp, kept
from twinboot.agent.configuration import AgentFiles
from twinboot.agent.dhcp.dhcp import build_dhcp
from twinboot.agent.dhcp.leases import TABLE
from twinboot.agent.settings import settings_for
from twinboot.dhcp.base import Fill
from twinboot.dhcp.growing_file import GrowingLeaseFile, replace_file
from twinboot.dhcp.isc.lease_file import IscLeaseFile
from twinboot.dhcp.isc.lease_text import declaration
from twinboot.dhcp.journal import Journal
from twinboot.dhcp.lease import FILE_FIELDS, DhcpLease, LeaseState, active_lease
from twinboot.dhcp.lease_codec import encode_lease
from twinboot.kinds import DHCP_ENGINES, UnknownKindError
from twinboot.planning.plan import SitePlan
from twinboot.render import render
from twinboot.render.disk_checks import check_files
from twinboot.replication.node import RowChange
from twinboot.site import Site, load

ROOT = Path(__file__).parents[3]
TEMPLATES = ROOT / "config" / "templates"


HOLDS = frozenset({"ends", "hardware", "client_id", "hostname"})
"""No start and no last transaction, as in files of most engines."""


class ToyParser:
    """A lease a line, as JSON."""

    def __init__(self) -> None:
        self._partial = b""

    def feed(self, data: bytes) -> Iterator[DhcpLease]:
        *lines, self._partial = (self._partial + data).split(b"\n")
        for line in lines:
            one = json.loads(line)
            yield DhcpLease(
                address=IPv4Address(one["ip"]), state=LeaseState[one["state"]], ends=one["to"],
                hardware=bytes.fromhex(one["mac"]),
                client_id=bytes.fromhex(one["id"]), hostname=one["name"],
                extensions=(("toy", one["colour"].encode()),) if one["colour"] else (),
            )


def toy_line(one: DhcpLease) -> bytes:
    colour = one.extension("toy").decode()
    return json.dumps({
        "ip": str(one.address), "state": one.state.name, "to": one.ends,
        "mac": one.hardware.hex(), "id": one.client_id.hex(), "name": one.hostname, "colour": colour,
    }).encode() + b"\n"


class ToyLeaseFile(GrowingLeaseFile):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "toy.json", ToyParser, holds=HOLDS)

    def write(self, leases: Iterable[DhcpLease]) -> None:
        replace_file(self._path, b"".join(map(toy_line, leases)), 0o600, sync=False)


class ToyEngine:
    name = "toy"
    templates = ("toy/dhcp.j2",)
    checker = ("true",)
    reserved_host_names = ()

    def files(self, plan: SitePlan, server: str, fill: Fill) -> Mapping[str, str]:
        subnets = [str(subnet.network) for subnet in plan.site.subnets]
        return {"dhcpd/toy.conf": fill("toy/dhcp.j2", subnets=subnets)}

    def lease_file(self, folder: Path) -> ToyLeaseFile:
        return ToyLeaseFile(folder)


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, ...]]:
    """It is registered, and the engine of every site. Yields template directories: its own, Twinboot's."""
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy" / "dhcp.j2").write_text("{% for one in subnets %}\nserve {{ one }}\n{% endfor %}\n")
    monkeypatch.setattr(dhcp, "DEFAULT_ENGINE", "toy")
    with DHCP_ENGINES.registered(ToyEngine()):
        yield (tmp_path, TEMPLATES)


@pytest.fixture
def site() -> Site:
    return load(ROOT / "config" / "examples" / "parity.yaml")


def test_a_site_is_rendered_and_checked_with_it(toy: tuple[Path, ...], site: Site, tmp_path: Path) -> None:
    rendered = render(site, "server1", templates=toy)
    of_dhcp = {path: text for path, text in rendered.etc.items() if path.startswith("dhcpd/")}
    guard = "192.168.0.253 eth0\n"
    assert of_dhcp == {"dhcpd/toy.conf": "serve 192.168.0.0/24\n", "dhcpd/guard": guard}
    (tmp_path / "toy" / "dhcp.j2").write_text("{% broken")
    assert "templates/toy/dhcp.j2:1" in [fault.path for fault in check_files(site, tmp_path, toy)]


def test_an_agent_reads_its_lease_file(toy: tuple[Path, ...], site: Site, tmp_path: Path) -> None:
    class Nobody:
        def subscribe(self, table: str, listener: object) -> None: ...
        def put(self, table: str, key: bytes, value: bytes) -> bool:
            return True

    async def run() -> None:
        settings = settings_for(site, "server1")
        built = build_dhcp(settings, Nobody(), lambda: 1.0, AgentFiles(leases=tmp_path))  # type: ignore[arg-type]
        built.leases.start()
        await asyncio.to_thread(built.leases.before_start, "dhcpd")
        with (tmp_path / "toy.json").open("ab") as file:
            file.write(toy_line(active_lease(address(160), mac(1), at=T0, lease_s=60, epoch=0)))
        built.leases.file_changed()
        while not len(built.leases):
            await asyncio.sleep(0.001)
        assert built.leases.serving("dhcpd")
        built.leases.close()
        assert built.file_changes is not None
        built.file_changes.close()

    asyncio.run(asyncio.wait_for(run(), 20))
    assert [lease.address for lease in Journal(tmp_path / kept.LEASES.name).load().leases] == [address(160)]


def play(story: Callable[[LeaseServer, LeaseServer], Awaitable[None]], one: ToyLeaseFile,
         two: ToyLeaseFile | IscLeaseFile) -> None:
    """Two servers that hear each other; the first one's DHCP server is the toy, and serves."""

    async def run() -> None:
        servers = [LeaseServer(file=one, engine="toy"),
                   LeaseServer(file=two, engine="isc" if isinstance(two, IscLeaseFile) else "toy")]
        servers[0].replicator.join(servers[1].leases)
        servers[1].replicator.join(servers[0].leases)
        await servers[0].start_dhcpd()
        try:
            await story(*servers)
        finally:
            for server in servers:
                await server.end()

    asyncio.run(run())


GRANTED = replace(
    active_lease(address(160), mac(1), at=T0, lease_s=600, epoch=0),
    client_id=b"\x01id", hostname="machine", extensions=(("toy", b"green"),),
)


def grant(folder: Path, lease: DhcpLease) -> None:
    with (folder / "toy.json").open("ab") as file:
        file.write(toy_line(lease))


def test_its_leases_travel_with_all_that_it_knows(tmp_path: Path) -> None:
    first, second = tmp_path / "one", tmp_path / "two"
    first.mkdir()
    second.mkdir()

    async def story(one: LeaseServer, two: LeaseServer) -> None:
        grant(first, GRANTED)
        one.leases.file_changed()
        await one.settle()
        await two.start_dhcpd()

    play(story, ToyLeaseFile(first), ToyLeaseFile(second))
    assert (second / "toy.json").read_bytes() == toy_line(GRANTED)


def test_leases_go_along_when_the_engine_is_another_one(tmp_path: Path) -> None:
    """From the toy to dhcpd, which writes them down again and serves, and back."""
    first, second = tmp_path / "one", tmp_path / "two"
    first.mkdir()
    second.mkdir()

    async def story(one: LeaseServer, two: LeaseServer) -> None:
        grant(first, GRANTED)
        one.leases.file_changed()
        await one.settle()
        await one.stop_dhcpd()
        await two.start_dhcpd()
        text = (second / "dhcpd.leases").read_text()
        for line in ('uid "\\001id";', 'client-hostname "machine";', "next binding state free;"):
            assert f"  {line}\n" in text
        assert "green" not in text
        assert [lease.epoch for lease in two.leases._leases.values()] == [1], "only written down again"
        other = replace(active_lease(address(161), mac(2), at=T0 + 9, lease_s=600, epoch=0), hostname="late")
        with (second / "dhcpd.leases").open("ab") as file:
            file.write(declaration(other))
        two.leases.file_changed()
        await two.settle()
        await two.stop_dhcpd()
        await one.start_dhcpd()
        assert (first / "toy.json").read_bytes() == toy_line(GRANTED) + toy_line(other)

    play(story, ToyLeaseFile(first), IscLeaseFile(second))


def test_what_its_file_cannot_hold_stays_with_the_lease(tmp_path: Path) -> None:
    """A lease of dhcpd's goes through the toy: read again it is no news; renewed it is, and keeps its start
    and what dhcpd alone knows of it; another client's takes nothing of that over; a release is told on."""
    first, second = tmp_path / "one", tmp_path / "two"
    first.mkdir()
    second.mkdir()
    isc = ("isc", b'set vendor-class-identifier = "PXEClient";\n')
    seen: list[DhcpLease] = []

    async def story(one: LeaseServer, two: LeaseServer) -> None:
        theirs = replace(GRANTED, extensions=(isc,), epoch=5)
        one.leases.apply_change(RowChange("peer", TABLE, theirs.address.packed, encode_lease(theirs)))
        await one.stop_dhcpd()
        await one.start_dhcpd()
        assert (first / "toy.json").read_bytes() == toy_line(theirs)
        one.leases.file_changed()
        await one.settle()
        assert one.leases._leases[theirs.address] == theirs, "only written down again"
        for told in (replace(GRANTED, ends=int(T0) + 1200), replace(GRANTED, state=LeaseState.RELEASED),
                     active_lease(address(160), mac(9), at=T0, lease_s=900, epoch=0)):
            one.wall += 100
            grant(first, told)
            one.leases.file_changed()
            await one.settle()
            assert two.leases._leases[told.address] == one.leases._leases[told.address], "the peer takes it"
            seen.append(two.leases._leases[told.address])

    play(story, ToyLeaseFile(first), IscLeaseFile(second))
    renewed, released, another = seen
    t0 = int(T0)
    assert (renewed.epoch, renewed.starts, renewed.last_transaction) == (6, t0, t0 + 100)
    assert renewed.extensions == (isc, ("toy", b"green"))
    assert (released.state, released.starts) == (LeaseState.RELEASED, t0)
    assert (another.mac, another.starts, another.extensions) == (mac(9).hex(":"), t0 + 300, ())


def test_what_a_file_holds_are_fields_of_a_lease(tmp_path: Path) -> None:
    assert HOLDS < FILE_FIELDS
    assert [one.name for one in DHCP_ENGINES.all() if not one.lease_file(tmp_path).holds <= FILE_FIELDS] == []


def test_a_file_that_is_written_anew_in_place_is_read_whole(tmp_path: Path) -> None:
    file = ToyLeaseFile(tmp_path)
    grant(tmp_path, GRANTED)
    grant(tmp_path, replace(GRANTED, address=address(161)))
    assert len(file.read()) == 2
    (tmp_path / "toy.json").write_bytes(toy_line(replace(GRANTED, address=address(162))))
    assert [one.address for one in file.read()] == [address(162)]
    (tmp_path / "toy.json").unlink()
    assert file.read() == []
    file.close()


def test_it_is_gone_after_the_block(site: Site) -> None:
    with DHCP_ENGINES.registered(ToyEngine()):
        pass
    with pytest.raises(UnknownKindError, match="toy"):
        DHCP_ENGINES.get("toy")
    assert "dhcpd/dhcpd.conf" in render(site, "server1", templates=(TEMPLATES,)).etc
