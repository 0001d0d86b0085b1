"""A running dhcpd with a rendered configuration is asked: what it offers is what the site says."""

from __future__ import annotations

import json
import subprocess
import uuid
from collections.abc import Iterator
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from rendering import EXAMPLES, TEMPLATES
from twinboot.planning.plan import SitePlan
from twinboot.render import render, write
from twinboot.site import Site, loads

NET = "10.177.83"
SITE: Site = loads((EXAMPLES / "parity.yaml").read_text().replace("192.168.0.", f"{NET}."))
FIRST, SECOND = f"{NET}.253", f"{NET}.254"
Ask = list[str]


def docker(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # type: ignore[call-overload, no-any-return]
        ["docker", *arguments], capture_output=True, text=True, timeout=120, check=False, **options
    )


@pytest.fixture(scope="module")
def lan(images: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A network with dhcpd on the first group's address; its name is also the prefix of all names."""
    directory: Path = tmp_path_factory.mktemp("dhcp")
    directory.chmod(0o755)
    write(render(SITE, "server1", templates=TEMPLATES), directory / "etc", directory / "pub")
    name = f"twinboot-render-{uuid.uuid4().hex[:8]}"
    start = "touch /tmp/leases; exec dhcpd -4 -d --no-pid -cf /etc/twinboot/current/dhcpd/dhcpd.conf"
    made = docker("network", "create", "--subnet", f"{NET}.0/24", "--gateway", f"{NET}.1", name)
    assert made.returncode == 0, made.stderr
    try:
        ran = docker(
            *("run", "--detach", "--name", name, "--network", name, "--ip", FIRST, "--entrypoint", "sh"),
            *("--volume", f"{directory}/etc:/etc/twinboot:ro", images["dhcpd"]),
            *("-c", f"{start} -lf /tmp/leases eth0"),
        )
        assert ran.returncode == 0, ran.stderr
        yield name
    finally:
        docker("rm", "--force", name)
        docker("network", "rm", name)


def offers(lan: str, images: dict[str, str], lines: Ask) -> list[dict[str, str]]:
    script = Path(__file__).with_name("discover.py")
    asked = docker(
        *("run", "--rm", "--interactive", "--network", lan, "--ip", f"{NET}.9", "--cap-add", "NET_RAW"),
        *("--user", "0", "--volume", f"{script}:/discover.py:ro", "--entrypoint", "python3"),
        *(images["sidecar"], "/discover.py"),
        input="".join(f"{line}\n" for line in lines),
    )
    assert asked.returncode == 0, asked.stderr + docker("logs", lan).stderr
    found = [json.loads(line) for line in asked.stdout.splitlines()]
    assert len(found) == len(lines)
    return found


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
    }
    assert (odd["address"], odd["next_server"], odd["file"]) == (f"{NET}.129", FIRST, "pxelinux.0")
    assert (again["address"], again["file"]) == (f"{NET}.129", "pxelinux.0")


@pytest.mark.parametrize("mac", ["52:54:00:00:01:28", "52:54:00:00:0b:01"])
def test_firmware_that_has_no_loader_is_told_no_file(lan: str, images: dict[str, str], mac: str) -> None:
    """Types of RFC 4578 and IANA: ia32, x64 (7, 8, 9), arm64 (11), by HTTP (15, 16, 19); 0 is BIOS."""
    found = offers(lan, images, [f"{mac} {kind}" for kind in (0, 6, 7, 8, 9, 11, 15, 16, 19)])
    assert [offer["file"] for offer in found] == ["pxelinux.0"] + 8 * [""]
    assert all(offer["address"] for offer in found)


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
