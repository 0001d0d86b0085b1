"""A running dhcpd reads leases that went between servers: it knows what it would know from its own file."""

from __future__ import annotations

import re
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from dhcpdlive import STARTS
from rendering import EXAMPLES, TEMPLATES
from twinboot.dhcp.isc.lease_file import IscLeaseFile
from twinboot.dhcp.isc.lease_text import LeaseFileParser
from twinboot.dhcp.lease import DhcpLease, LeaseState
from twinboot.dhcp.lease_codec import decode_lease, encode_lease
from twinboot.render import render, write
from twinboot.site import loads

NET = "10.177.84"
SITE = loads((EXAMPLES / "parity.yaml").read_text().replace("192.168.0.", f"{NET}."))
RANGE = SITE.subnets[0].range
assert RANGE is not None
FIRST = int(RANGE.first)
# Times far from now: dhcpd changes a lease whose end has come.
BODIES = [
    "binding state active;\n  next binding state free;\n  rewind binding state free;\n"
    '  hardware ethernet 52:54:02:00:00:01;\n  uid "\\001RT\\002{}\\000\\003\\"\\\\;#";\n'
    '  set vendor-class-identifier = "PXEClient:Arch:00000 }";\n  client-hostname "lease-of-one";',
    "tstp 4 2037/01/01 00:00:00;\n  tsfp 4 2037/01/01 00:00:00;\n  binding state active;\n"
    "  next binding state expired;\n  hardware ethernet 52:54:02:00:00:02;\n"
    "  option agent.circuit-id 0:4:0:1;\n  set seen = %17;\n  set ready = true;",
    "binding state active;\n  next binding state free;\n  reserved;\n  dynamic-bootp;\n"
    '  hardware ethernet 52:54:02:00:00:03;\n  on expiry {\n    set gone = "} yes" ;\n  }',
    "binding state active;\n  next binding state free;\n  hardware token-ring 52:54:02:00:00:04;\n"
    '  uid 01:52:54;\n  on expiry or release {\n    log (info, "x;y");\n  }',
    "binding state abandoned;\n  next binding state free;\n  rewind binding state free;",
    "binding state free;\n  hardware ethernet 52:54:02:00:00:06;",
]
_STAMP = re.compile(rb"\n  (?:tstp|tsfp|atsfp) [^\n]*")


def raw_file() -> bytes:
    """A declaration for each of BODIES, as dhcpd has it."""
    return "".join(
        f"lease {RANGE.first + number if RANGE else ''} {{\n  starts 4 2026/01/01 00:00:00;\n"
        f"  ends 4 2037/01/01 00:00:00;\n  cltt 4 2026/01/01 00:00:01;\n  {body}\n}}\n"
        for number, body in enumerate(BODIES)
    ).encode()  # fmt: skip


def docker(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["docker", *arguments], capture_output=True, timeout=120, check=False)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A network, and a folder with a rendered site."""
    folder = tmp_path_factory.mktemp("leases")
    folder.chmod(0o755)
    write(render(SITE, "server1", templates=TEMPLATES), folder / "etc", folder / "pub")
    name = f"twinboot-leases-{uuid.uuid4().hex[:8]}"
    made = docker("network", "create", "--subnet", f"{NET}.0/24", name)
    assert made.returncode == 0, made.stderr
    try:
        yield name, folder
    finally:
        docker("network", "rm", name)


def rewritten(
    place: tuple[str, Path], images: dict[str, str], text: bytes
) -> tuple[bytes, list[list[bytes]]]:
    """What dhcpd makes of a lease file when it starts: the file, and the lines of its declarations, in order:
    it turns variables round. Without the stamps of the failover protocol: it adds them by itself."""
    network, folder = place
    (folder / "given.leases").write_bytes(text)
    (folder / "given.leases").chmod(0o644)
    start = STARTS["isc"].format(leases="/tmp/leases")
    script = (
        f"cat /given >/tmp/leases; {start} >/tmp/log 2>&1 & tries=0; "
        "until grep -q '^Wrote .* leases to' /tmp/log; do "
        "tries=$((tries + 1)); [ $tries -lt 600 ] || break; sleep 0.1; done; "
        "sleep 0.5; cat /tmp/log >&2; cat /tmp/leases"
    )
    done = docker(
        "run", "--rm", "--network", network, "--ip", f"{NET}.253", "--entrypoint", "sh",
        "--volume", f"{folder}/etc:/etc/twinboot:ro", "--volume", f"{folder}/given.leases:/given:ro",
        images["dhcpd"], "-c", script,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert b" line " not in done.stderr, done.stderr.decode()
    parts = [b"lease " + part.partition(b"\n}\n")[0] for part in done.stdout.split(b"\nlease ")[1:]]
    return done.stdout, sorted(sorted(_STAMP.sub(b"", part).split(b"\n")) for part in parts)


def told(text: bytes) -> list[DhcpLease]:
    """As a peer hears of them."""
    return [decode_lease(encode_lease(lease)) for lease in LeaseFileParser().feed(text)]


def file_of(leases: list[DhcpLease], folder: Path) -> bytes:
    IscLeaseFile(folder).write(leases)
    return (folder / "dhcpd.leases").read_bytes()


def test_dhcpd_makes_the_same_of_leases_of_a_peer(
    place: tuple[str, Path], images: dict[str, str], tmp_path: Path
) -> None:
    leases = told(raw_file())
    assert len(leases) == len(BODIES)
    own, of_raw = rewritten(place, images, raw_file())
    _, of_ours = rewritten(place, images, file_of(leases, tmp_path))
    assert of_ours == of_raw
    assert len(of_ours) == len(BODIES)
    again = {lease.address: lease for lease in told(own)}
    assert {lease.address: lease for lease in leases} == again, "only written down again"


def test_dhcpd_takes_leases_of_another_engine(
    place: tuple[str, Path], images: dict[str, str], tmp_path: Path
) -> None:
    """Every state, without anything that dhcpd itself has added."""
    assert RANGE is not None
    leases = [
        DhcpLease(
            address=RANGE.first + number, state=state, starts=1_767_225_600, ends=2_114_380_800,
            last_transaction=1_767_225_600, hardware=bytes((0x52, 0x54, 2, 0, 1, number)),
            client_id=b"\x01id", hostname="name", extensions=(("kea", b"whatever"),),
        )
        for number, state in enumerate(LeaseState)
    ]  # fmt: skip
    own, _ = rewritten(place, images, file_of(leases, tmp_path))
    again = {lease.address: lease for lease in told(own)}
    assert set(again) == {lease.address for lease in leases}
    active = leases[LeaseState.ACTIVE.value]
    assert again[active.address] == active.as_told_by("isc")
    assert all(again[lease.address].state is LeaseState.ACTIVE for lease in leases if lease.active)
    assert not any(again[lease.address].active for lease in leases if not lease.active)
