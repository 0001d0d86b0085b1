"""A toy DHCP engine, registered here alone: a site is rendered with it, and its leases are the cluster's."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest
from bootfacts import FACTS
from leasefakes import T0, LeaseServer, address, mac
from twinboot import dhcp, kept
from twinboot.agent.configuration import AgentFiles
from twinboot.agent.dhcp.dhcp import build_dhcp
from twinboot.agent.dhcp.leases import TABLE
from twinboot.agent.settings import settings_for
from twinboot.dhcp import offers
from twinboot.dhcp.base import Fill, LeaseSubnet
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
from twinboot.site import Site, load, parse
from twinboot.site.faults import Fault, SiteError
from twinboot.site.subnets import SubnetIndex

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


SUBNETS = (
    LeaseSubnet(IPv4Network("192.168.0.0/24"), 600), LeaseSubnet(IPv4Network("192.168.9.0/24"), 300),
)  # fmt: skip


def toy_line(one: DhcpLease, number: int = 1, lease_s: int = 600) -> bytes:
    """number: of its subnet."""
    colour = one.extension("toy").decode()
    return json.dumps({
        "ip": str(one.address), "subnet": number, "for": lease_s, "state": one.state.name, "to": one.ends,
        "mac": one.hardware.hex(), "id": one.client_id.hex(), "name": one.hostname, "colour": colour,
    }).encode() + b"\n"


class ToyLeaseFile(GrowingLeaseFile):
    """Each line has the number of a subnet and how long the lease is given for, as Kea's have."""

    def __init__(self, folder: Path, subnets: Sequence[LeaseSubnet] = SUBNETS) -> None:
        super().__init__(folder / "toy.json", ToyParser, holds=HOLDS)
        numbered = enumerate(subnets, 1)
        self._subnets = SubnetIndex(((number, one.lease_s), one.network) for number, one in numbered)

    def write(self, leases: Iterable[DhcpLease]) -> None:
        """Leases of subnets that the site has no more are left out."""
        found = ((one, self._subnets.find(one.address)) for one in leases)
        lines = (toy_line(one, *subnet) for one, subnet in found if subnet is not None)
        replace_file(self._path, b"".join(lines), 0o600, sync=False)


TEMPLATE = """
as {{ told.server_id }} of {{ told.domain }}, names from {{ told.name_servers | join(' ') }}
silent to {{ snooper }}
{% for network in told.networks %}
{% for one in network.subnets %}
serve {{ one.number }} {{ one.subnet.network }} on {{ network.name or 'alone' }} for {{ one.profile or '-' }}
{% endfor %}
{% endfor %}
{% for one in told.shares %}
share {{ one.vip }} % {{ one.modulus }} = {{ one.remainders | join(' ') }}
{% endfor %}
{% macro files(what, boot_files) %}
{% for one in boot_files %}
{% for firmware in one.firmwares %}
{{ what }} {{ firmware.name }} boots {{ one.offer.file('SERVER') }}
{% endfor %}
{% endfor %}
{% endmacro %}
{{ files('any', told.boot_files.everywhere) -}}
{% for profile, boot_files in told.boot_files.by_profile.items() %}
{{ files(profile, boot_files) -}}
{% endfor %}
{% for host in told.hosts %}
{% for mark in host.marks %}
host {{ host.name }} {{ mark.kind.name }} {{ mark.octets }}
{% endfor %}
host {{ host.name }} at {{ host.addresses | join(' ') }} from {{ host.vip }} for {{ host.profile }}
{% for one in host.files %}
host {{ host.name }} reads {{ one.file }} if {{ one.firmwares | map(attribute='name') | join(' ') or 'any' }}
{% endfor %}
{% endfor %}
"""


class ToyEngine:
    """Its configuration is no server's, but has all that one needs; and nothing of another engine's."""

    name = "toy"
    templates = ("toy/dhcp.j2",)
    checker = ("true",)
    reserved_host_names = ()
    lease_file_has_subnets = True

    def files(self, plan: SitePlan, server: str, fill: Fill) -> Mapping[str, str]:
        told = offers.offers_of(plan)
        return {"dhcpd/toy.conf": fill("toy/dhcp.j2", told=told, snooper=offers.SNOOPER_MAC)}

    def faults(self, plan: SitePlan) -> Iterator[Fault]:
        for number, one in enumerate(plan.site.subnets):
            if one.lease_s < 120:
                yield Fault(f"subnets[{number}].lease_s", one.lease_s, "toy leases last 120 s or longer")

    def lease_file(self, folder: Path, subnets: Sequence[LeaseSubnet]) -> ToyLeaseFile:
        return ToyLeaseFile(folder, subnets)


PEERS = DhcpLease(address=address(170), state=LeaseState.ACTIVE, ends=int(T0) + 60, hardware=mac(7))
"""A lease that a peer tells of, whose engine says neither when it began nor in which subnet it is."""


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, ...]]:
    """It is registered, and the engine of every site. Yields template directories: its own, Twinboot's."""
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy" / "dhcp.j2").write_text(TEMPLATE)
    monkeypatch.setattr(dhcp, "DEFAULT_ENGINE", "toy")
    with DHCP_ENGINES.registered(ToyEngine()):
        yield (tmp_path, TEMPLATES)


@pytest.fixture
def site() -> Site:
    return load(ROOT / "config" / "examples" / "parity.yaml")


def test_a_site_is_rendered_and_checked_with_it(toy: tuple[Path, ...], site: Site, tmp_path: Path) -> None:
    rendered = render(site, "server1", templates=toy)
    of_dhcp = {path: text for path, text in rendered.etc.items() if path.startswith("dhcpd/")}
    assert set(of_dhcp) == {"dhcpd/toy.conf", "dhcpd/guard"}
    assert of_dhcp["dhcpd/guard"] == "192.168.0.253 eth0\n"
    assert "serve 1 192.168.0.0/24 on alone for rh9\n" in of_dhcp["dhcpd/toy.conf"]
    (tmp_path / "toy" / "dhcp.j2").write_text("{% broken")
    assert "templates/toy/dhcp.j2:1" in [fault.path for fault in check_files(site, tmp_path, toy)]


def test_what_the_engine_cannot_do_is_told_and_not_rendered(toy: tuple[Path, ...], site: Site) -> None:
    document = site.model_dump(mode="json")
    document["subnets"][0]["lease_s"] = 90
    hurried = parse(document)
    with pytest.raises(SiteError, match="toy leases last 120 s or longer"):
        render(hurried, "server1", templates=toy)
    assert "subnets[0].lease_s" in [fault.path for fault in check_files(hurried, ROOT, toy)]


GUID = "00:02:c9:03:00:0a:bc:de"


def test_a_configuration_can_be_made_of_neutral_values(toy: tuple[Path, ...], site: Site) -> None:
    """Two subnets on one network, profiles with different boot files, a host with every kind of mark."""
    document = site.model_dump(mode="json")
    [first] = document["subnets"]
    second = {**first, "network": "192.168.9.0/24", "router": None, "range":
              {"first": "192.168.9.10", "last": "192.168.9.20"}}
    document["subnets"] = [{**one, "shared_network": "floor"} for one in (first, second)]
    far = {"network": "192.168.10.0/24", "range": None, "relays": ["192.168.10.1"]}
    document["subnets"].append({**second, **far})
    document["profiles"]["own"] = {**document["profiles"]["rh9"], "tree": "other"}
    document["trees"]["other"] = {**document["trees"]["rh9"], "path": "other"}
    document["hosts"]["cli128"] |= {
        "mac": ["52:54:00:00:01:28", GUID], "uuid": "564d2c3a-9f1b-4c57-8e0d-2f6a7b8c9d10",
        "client_id": ["01:52"], "addresses": ["192.168.9.128"], "profile": "own",
    }
    rendered = render(parse(document), "server1", templates=toy, boot=FACTS)
    lines = rendered.etc["dhcpd/toy.conf"].splitlines()
    assert lines[1:12] == [
        "as 192.168.0.253 of example.lan, names from 192.168.0.253 192.168.0.254",
        "silent to 02:54:57:49:4e:42",
        "serve 1 192.168.0.0/24 on floor for rh9",
        "serve 2 192.168.9.0/24 on floor for rh9",
        "serve 3 192.168.10.0/24 on alone for -",
        "share 192.168.0.253 % 2 = 1",
        "share 192.168.0.254 % 2 = 0",
        "any iPXE on BIOS boots http://SERVER/boot/start.ipxe",
        "any iPXE on UEFI x64 boots http://SERVER/boot/start.ipxe",
        "any BIOS boots pxelinux.0",
        "rh9 UEFI x64 by HTTP boots http://SERVER/boot/loaders/rh9/BOOTX64.EFI",
    ]
    assert "own UEFI x64 by HTTP boots http://SERVER/boot/loaders/-image/shimx64.efi" in lines
    assert [line for line in lines if line.startswith("host cli128 ")] == [
        "host cli128 MAC 52:54:00:00:01:28",
        f"host cli128 CLIENT_ID ff:00:00:00:00:00:02:00:00:02:c9:00:{GUID}",
        f"host cli128 CLIENT_ID 20:{GUID}",
        "host cli128 CLIENT_ID 01:52",
        "host cli128 UUID 00:3a:2c:4d:56:1b:9f:57:4c:8e:0d:2f:6a:7b:8c:9d:10",
        "host cli128 UUID 00:56:4d:2c:3a:9f:1b:4c:57:8e:0d:2f:6a:7b:8c:9d:10",
        "host cli128 at 192.168.0.128 192.168.9.128 from 192.168.0.254 for own",
        "host cli128 reads pxelinux.cfg/host.cli128 if any",
    ]


def test_a_subnet_matters_to_an_engine_that_has_it_in_its_file(toy: tuple[Path, ...], site: Site) -> None:
    document = site.model_dump(mode="json")
    document["subnets"].append({"network": "192.168.9.0/24", "lease_s": 300, "relays": ["192.168.9.1"]})
    more = parse(document)
    assert settings_for(more, "server1").lease_subnets[1:] == SUBNETS[1:]
    assert settings_for(more, "server1") != settings_for(site, "server1")


def test_an_agent_reads_its_lease_file(toy: tuple[Path, ...], site: Site, tmp_path: Path) -> None:
    class Nobody:
        def subscribe(self, table: str, listener: object) -> None: ...
        def put(self, table: str, key: bytes, value: bytes) -> bool:
            return True

    async def run() -> None:
        settings = settings_for(site, "server1")
        built = build_dhcp(settings, Nobody(), lambda: 1.0, AgentFiles(leases=tmp_path))  # type: ignore[arg-type]
        built.leases.start()
        change = RowChange("peer", TABLE, PEERS.address.packed, encode_lease(PEERS))
        built.leases.apply_change(change)
        await asyncio.to_thread(built.leases.before_start, "dhcpd")
        written = json.loads((tmp_path / "toy.json").read_bytes())
        assert (written["subnet"], written["for"]) == (1, site.subnets[0].lease_s)
        with (tmp_path / "toy.json").open("ab") as file:
            file.write(toy_line(active_lease(address(160), mac(1), at=T0, lease_s=60, epoch=0)))
        built.leases.file_changed()
        while len(built.leases) < 2:
            await asyncio.sleep(0.001)
        assert built.leases.serving("dhcpd")
        built.leases.close()
        assert built.file_changes is not None
        built.file_changes.close()

    asyncio.run(asyncio.wait_for(run(), 60))
    assert [lease.address for lease in Journal(tmp_path / kept.LEASES.name).load().leases] == [
        PEERS.address, address(160)]


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
    files = {one.name: one.lease_file(tmp_path, SUBNETS) for one in DHCP_ENGINES.all()}
    assert [name for name, file in files.items() if not file.holds <= FILE_FIELDS] == []


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
    assert "dhcpd/toy.conf" not in render(site, "server1", templates=(TEMPLATES,)).etc
