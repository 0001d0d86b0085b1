"""A running dhcpd with a rendered configuration is asked: what it offers is what the site says."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address
from typing import Any

import pytest
import yaml
from bootfacts import FACTS
from dhcpdlive import dhcpd_of, docker
from dhcpdlive import offers as asked_of
from rendering import EXAMPLES
from twinboot.loaders.decision import Offer, decide
from twinboot.loaders.firmware import said_by
from twinboot.planning.plan import SitePlan
from twinboot.site import Site, parse
from twinlab.host.images import CLIENT_IMAGE, build_test_image

NET = "10.177.83"
FAR = "10.177.84"
UUID = "564d2c3a-9f1b-4c57-8e0d-2f6a7b8c9d10"
UUID_WIRE, UUID_TURNED = "003a2c4d561b9f574c8e0d2f6a7b8c9d10", f"00{UUID.replace('-', '')}"
PORT = "0002c903000abcde"


def _site() -> Site:
    """The example, and hosts with several marks; `far` has its address in another subnet."""
    document = yaml.safe_load((EXAMPLES / "parity.yaml").read_text().replace("192.168.0.", f"{NET}."))
    document["subnets"].append({
        "network": f"{FAR}.0/24", "relays": ["10.255.0.1"], "profile": "rh9",
        "range": {"first": f"{FAR}.10", "last": f"{FAR}.20"},
        "unknown": "install",
    })  # fmt: skip
    document["hosts"] |= {
        "many": {"mac": ["52:54:00:00:05:01", "52:54:00:00:05:02"], "uuid": UUID, "address": f"{NET}.130"},
        "far": {"mac": "52:54:00:00:05:03", "address": f"{FAR}.131"},
        "ib": {"mac": f"0x{PORT}", "address": f"{NET}.132"},
    }
    return parse(document)


SITE: Site = _site()
PLAN = SitePlan(SITE, boot=FACTS)
FIRST, SECOND = f"{NET}.253", f"{NET}.254"
Ask = list[str]


@pytest.fixture(scope="module")
def lan(images: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with dhcpd_of(SITE, images["dhcpd"], tmp_path_factory.mktemp("dhcp")) as name:
        yield name


def offers(lan: str, images: dict[str, str], lines: Ask) -> list[dict[str, Any]]:
    return asked_of(lan, f"{NET}.9", images["sidecar"], lines)


def test_known_hosts(lan: str, images: dict[str, str]) -> None:
    even, odd, again = offers(
        lan, images, ["52:54:00:00:01:28 0", "52:54:00:00:01:29 0", "52:54:00:00:01:29 - other-id"]
    )
    assert even == {
        "address": f"{NET}.128",
        "next_server": SECOND,
        "file": "pxelinux.0",
        "server_id": FIRST,
        "name": "cli128",
        "config": "pxelinux.cfg/host.cli128",
        "server_name": SECOND,
        "options": {
            "43": "060108ff", "60": b"PXEClient".hex(), "66": SECOND.encode().hex(),
            "67": b"pxelinux.0".hex(),
        },
    }
    assert (odd["address"], odd["next_server"], odd["file"]) == (f"{NET}.129", FIRST, "pxelinux.0")
    assert (again["address"], again["file"]) == (f"{NET}.129", "pxelinux.0")


ARCHITECTURES = (
    None, b"", b"\0", b"\7", b"\0\0", b"\0\6", b"\0\7", b"\0\x08", b"\0\x09", b"\0\x0b", b"\0\x0f", b"\0\x10",
    b"\0\x13", b"\0\x15", b"\0\x16", b"\1\7", b"\xff\xff", b"\0\7\0\0", b"\0\0\0\7", b"\0\7\0",
)  # fmt: skip
VENDORS = (
    None, b"PXEClient", b"PXEClient:Arch:00007:UNDI:003016", b"PXEClient:Arch:00000:UNDI:002001",
    b"HTTPClient", b"HTTPClient:Arch:00016:UNDI:003001", b"HTTPClient:Arch:00011", b"PXEClient:Arch:00099",
    b"MSFT 5.0", b"xPXEClient:Arch:00007", b"U-Boot.armv8",
)  # fmt: skip
CLASSES: tuple[dict[int, bytes], ...] = (
    {}, {77: b"iPXE"}, {77: b"\x04iPXE"}, {77: b"\x03foo\x04iPXE"}, {77: b"foo"},
    {175: b"\xb1\x05\x01\x1a\xf4\x10\0"},
)  # fmt: skip


def requests() -> Iterator[dict[int, bytes]]:
    """Every architecture with every vendor class; of some, with every user class."""
    for architecture in ARCHITECTURES:
        for vendor in VENDORS:
            for more in CLASSES if vendor in (None, b"PXEClient") else CLASSES[:1]:
                said = {93: architecture, 60: vendor, **more}
                yield {code: value for code, value in said.items() if value is not None}


@pytest.mark.parametrize("mac", ["52:54:00:00:01:28", "52:54:00:00:0b:01"], ids=["known", "unknown"])
def test_the_boot_file_is_that_of_the_one_decision(lan: str, images: dict[str, str], mac: str) -> None:
    """By file name and by option 67, for known machines and unknown ones."""
    asked = list(requests())
    lines = [f"{mac} - " + " ".join(f"{code}={value.hex()}" for code, value in one.items()) for one in asked]
    for said, got in zip(asked, offers(lan, images, lines), strict=True):
        wanted = decide(PLAN, said_by(said), "rh9")
        file = wanted.file(got["next_server"]) if isinstance(wanted, Offer) else ""
        assert got["file"] == file, said
        options = got["options"]
        assert isinstance(options, dict)
        assert options.get("67", "") == file.encode().hex(), said
        if isinstance(wanted, Offer) and wanted.http and not said_by(said).ipxe:
            assert options["60"] == b"HTTPClient".hex(), said


def test_unknown_machines_are_shared_by_address(lan: str, images: dict[str, str]) -> None:
    """From the first machine on: the two groups take turns, and each address has its own group."""
    found = offers(lan, images, [f"52:54:00:00:09:{number:02x} 0" for number in range(8)])
    plan = SitePlan(SITE)
    for offer in found:
        address = IPv4Address(offer["address"])
        assert SITE.subnets[0].range is not None
        assert address in SITE.subnets[0].range
        assert offer["next_server"] == str(plan.vip(plan.balance.group_of(address)))
    assert len({offer["address"] for offer in found}) == 8
    servers = [offer["next_server"] for offer in found]
    assert servers.count(FIRST) == servers.count(SECOND) == 4


def test_one_machine_keeps_its_address_whatever_it_calls_itself(lan: str, images: dict[str, str]) -> None:
    asked = [f"52:54:00:00:0a:01 {rest}" for rest in ("0", "- installer", "- system")]
    assert len({offer["address"] for offer in offers(lan, images, asked)}) == 1


@pytest.mark.parametrize(
    ("asked", "host", "address"),
    [
        ("52:54:00:00:05:01 0", "many", f"{NET}.130"),
        ("52:54:00:00:05:02 0", "many", f"{NET}.130"),
        (f"52:54:00:00:0d:01 0 97={UUID_WIRE}", "many", ""),
        (f"52:54:00:00:0d:02 0 61=01525400000d02 97={UUID_TURNED}", "many", ""),
        ("52:54:00:00:05:03 0", "far", ""),
        (f"00:00:00:00:00:00 0 0=20 61=ff000000000002000002c900{PORT}", "ib", f"{NET}.132"),
        (f"00:00:00:00:00:00 0 0=20 61=20{PORT}", "ib", f"{NET}.132"),
    ],
    ids=["card", "other card", "uuid", "turned uuid", "other subnet", "infiniband", "infiniband of iPXE"],
)
def test_a_known_machine_is_itself(
    lan: str, images: dict[str, str], asked: str, host: str, address: str
) -> None:
    """By any of its marks, and where its address does not belong: then with an address of the range."""
    [offer] = offers(lan, images, [asked])
    assert (offer["config"], offer["name"]) == (f"pxelinux.cfg/host.{host}", host)
    plan = SitePlan(SITE)
    group = next(machine.group for machine in plan.machines if machine.name == host)
    assert offer["next_server"] == str(plan.vip(group))
    assert offer["address"] == (address or offer["address"])


def test_unknown_machines_are_told_no_hosts_file(lan: str, images: dict[str, str]) -> None:
    """Machines on InfiniBand have no hardware address: their client identifiers tell them apart."""
    ports = [f"00:00:00:00:00:00 0 0=20 61=ff000000000002000002c9000002c9030000ff0{n}" for n in (1, 2)]
    found = offers(lan, images, ["52:54:00:00:0e:01 0", *ports, ports[0]])
    assert {offer["config"] for offer in found} == {""}
    assert found[1]["address"] != found[2]["address"]
    assert found[1]["address"] == found[3]["address"]


@pytest.fixture(scope="module")
def client() -> str:
    """The lab's client image, which has a BOOTP client that others wrote."""
    build_test_image(CLIENT_IMAGE, print, again=True)
    return CLIENT_IMAGE


def bootp(lan: str, client: str, mac: str, timeout_s: int = 12) -> dict[str, str]:
    """What bootpc(8) says of the reply, by its own names; nothing when none came."""
    bare = "ip addr flush dev eth0 && ip route add default dev eth0"
    asked = docker(
        *("run", "--rm", "--network", lan, "--ip", f"{NET}.9", "--mac-address", mac),
        *("--cap-add", "NET_ADMIN", "--cap-add", "NET_RAW", client, "sh", "-c"),
        f"{bare} && bootpc --dev eth0 --serverbcast --returniffail --timeoutwait {timeout_s} --waitformore 1",
    )
    lines = (line.partition("=") for line in asked.stdout.splitlines())
    return {name: value.strip("'") for name, between, value in lines if between}


def test_a_bootp_client_gets_what_a_silent_dhcp_client_gets(
    lan: str, images: dict[str, str], client: str
) -> None:
    """By the old protocol (RFC 951) known machines alone get an address: it is theirs for ever."""
    [by_dhcp] = offers(lan, images, ["52:54:00:00:01:28"])
    by_bootp = bootp(lan, client, "52:54:00:00:01:28")
    assert by_bootp["IPADDR"] == by_dhcp["address"] == f"{NET}.128"
    assert by_bootp["BOOTFILE"] == by_dhcp["file"] == "pxelinux.0"
    assert by_bootp["SERVER"] == by_dhcp["next_server"] == SECOND
    assert bootp(lan, client, "52:54:00:00:0b:99", 4).get("IPADDR", "") == ""
