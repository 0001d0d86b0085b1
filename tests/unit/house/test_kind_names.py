"""Kinds are named in their own rooms alone: the rest of the code never asks which kind it is.

What is read is the Python of the sidecar, the page and the lab's driver, and of it names and strings alone: a
kind that is asked for by what only it has (a path, a file's name), in a shell script or in a template, is not
seen.
"""

from __future__ import annotations

import ast
import dataclasses
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from sources import nodes_in, text_of
from twinboot.kinds import DHCP_ENGINES, INSTALLERS, LOADERS, POWER
from twinboot.loaders import firmware

ROOT = Path(__file__).parents[3]
PACKAGE = ROOT / "images" / "sidecar" / "twinboot"
ELSEWHERE = ("images/page", "images/power", "scripts/twinlab")
ROOMS = {"installers": INSTALLERS.names(), "loaders": LOADERS.names(), "dhcp": DHCP_ENGINES.names(),
         "power/kinds": POWER.names()}  # fmt: skip

# Named outside by right, by (file, kind). An entry that nothing needs any more is a fault.
EXCUSED = {
    ("site/model/install.py", "kickstart"): "default of `installer:`, and the setting `kickstart:`",
    ("loaders/firmware.py", "ipxe"): "what machines say of themselves: it is firmware, too",
    ("dhcp/isc/boot.py", "ipxe"): "the same",
    ("loaders/lpxelinux/__init__.py", "pxelinux"): "is the same program with a TCP of its own",
    ("installers/autoinstall/kind.py", "grub"): "what files of installed systems are called",
    ("installers/preseed/kind.py", "grub"): "the same",
    ("loaders/trees.py", "grub"): "what files on media are called",
    ("installers/agama/additions.py", "autoyast"): "a section of Agama's profile, for old ones",
    ("installers/agama/kind.py", "autoinstall"): "a unit of Agama's live system",
    ("installers/agama/reports.py", "autoinstall"): "the same",
    ("installers/agama/media.py", "grub"): "the same",
    ("installers/preseed/text.py", "grub"): "what debian-installer calls its questions",
    ("dhcp/__init__.py", "isc"): "the engine of every site, as long as the site file has no setting",
    ("daemons.py", "isc"): "what its makers call it",
    ("scripts/twinlab/demo/machines.py", "kickstart"): "what the demo's own installer, a stand-in, reports",
    ("scripts/twinlab/inside/installs.py", "kickstart"): "plays an installer that reads one",
    ("scripts/twinlab/inside/installs.py", "pxelinux"): "plays the loader, too",
    ("scripts/twinlab/demo/debian.py", "preseed"): "the demo with Debian's own installer",
    ("scripts/twinlab/host/labsite.py", "ipxe"): "the setting `boot:`, which chooses",
    ("scripts/twinlab/host/labsite.py", "pxelinux"): "the same",
    ("scripts/twinlab/host/vm.py", "ipxe"): "a firmware of virtual machines",
    ("scripts/twinlab/programs/programs.py", "ipxe"): "a client program at work",
    ("scripts/twinlab/programs/sweeps.py", "ipxe"): "the same",
}
# Files that may name every kind of a room, and need not.
ROOMS_EXCUSED = {
    ("site/model/boot.py", "loaders"): "the setting `boot:`, which chooses",
    ("site/model/power.py", "power/kinds"): "descriptions of settings",
    ("site/checks/power.py", "power/kinds"): "a remedy's words",
}
WHAT_TO_DO = (
    "Only the folder of a kind may know it. Have the kind say by its interface (base.py) what is asked here. "
    "Where the word means something else (a file's name, another program's setting) or is the site file's "
    "own syntax, add the file to EXCUSED in tests/unit/house/test_kind_names.py, with the reason."
)

FIRMWARE = {name for name, value in vars(firmware).items() if isinstance(value, firmware.Firmware)}
OF_FIRMWARE = {field.name for field in dataclasses.fields(firmware.Firmware)}
"""What a machine is, not what it loads: `ipxe` is both."""


def names_in_code(text: str) -> Iterator[str]:
    """Identifiers, and strings that are no docstrings. Not those of `replaces`, by which a loader says whose
    place it takes, nor what firmware is called and asked."""
    prose = {
        id(node.value) for node in nodes_in(text)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }  # fmt: skip
    prose |= {id(one) for node in nodes_in(text) if _sets(node, "replaces") for one in ast.walk(node)}
    for node in nodes_in(text):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            yield node.value
        elif isinstance(node, ast.Name) and node.id not in FIRMWARE:
            yield node.id
        elif isinstance(node, ast.Attribute) and node.attr not in (*FIRMWARE, *OF_FIRMWARE):
            yield node.attr
        elif isinstance(node, ast.arg | ast.keyword):
            yield node.arg or ""
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from (alias.name for alias in node.names if alias.name not in FIRMWARE)
            yield getattr(node, "module", None) or ""


def _sets(node: ast.AST, name: str) -> bool:
    targets = [node.target] if isinstance(node, ast.AnnAssign) else getattr(node, "targets", [])
    return any(isinstance(one, ast.Name) and one.id == name for one in targets)


@cache
def parted_names(text: str) -> str:
    """The names in this code, each once and on a line of its own, in lower case, its words parted."""
    return "\n".join({re.sub("(?<=[a-z0-9])(?=[A-Z])", " ", name).lower() for name in names_in_code(text)})


def named_outside(kind: str, room: str, files: dict[str, str]) -> set[str]:
    """Files outside the kind's room whose code names it."""
    own, named = f"{room}/{kind}/", re.compile(f"(?<![a-z]){kind}s?(?![a-z])")
    return {
        path for path, text in files.items()
        if not path.startswith(own) and named.search(parted_names(text))
    }  # fmt: skip


@pytest.mark.parametrize(("room", "kind"), [(room, kind) for room in ROOMS for kind in ROOMS[room]])
def test_a_kind_is_named_in_its_room_alone(room: str, kind: str) -> None:
    files = {str(one.relative_to(PACKAGE)): text_of(one) for one in PACKAGE.rglob("*.py")}
    for folder in ELSEWHERE:
        files |= {str(one.relative_to(ROOT)): text_of(one) for one in (ROOT / folder).rglob("*.py")}
    excused = {path for path, name in EXCUSED if name == kind}
    may = {path for path, whose in ROOMS_EXCUSED if whose == room}
    named = named_outside(kind, room, files)
    assert not (wrong := named - excused - may), f"{kind!r} is named in {sorted(wrong)}. {WHAT_TO_DO}"
    assert not (stale := excused - named), f"{kind!r} is not named in {sorted(stale)}: take it out of EXCUSED"


def test_what_is_excused_is_there() -> None:
    kinds = {kind for room in ROOMS.values() for kind in room}
    assert {kind for _, kind in EXCUSED} <= kinds
    for path, room in ROOMS_EXCUSED:
        assert any(path in named_outside(kind, room, {path: text_of(PACKAGE / path)}) for kind in ROOMS[room])


def test_what_names_a_kind_is_seen() -> None:
    for text in ("if kind == 'kickstart': pass", "profile.kickstart", "from .kickstart import x"):
        assert named_outside("kickstart", "installers", {"render/files.py": text}), text
    assert not named_outside("kickstart", "installers", {"render/files.py": '"""Fills a kickstart."""'})
    for text in ("replaces = ('grub',)", "replaces: tuple[str, ...] = ('grub', 'ipxe')"):
        assert not named_outside("grub", "loaders", {"loaders/toy/kind.py": text}), text
    assert named_outside("grub", "loaders", {"loaders/toy/kind.py": "replaced = ('grub',)"})
    for text in ("if row.firmware.ipxe: pass", "from ..firmware import IPXE_BIOS", "Serves(IPXE_BIOS)"):
        assert not named_outside("ipxe", "loaders", {"dhcp/toy/kind.py": text}), text
    for text in ("import twinboot.loaders.ipxe", "from twinboot.loaders import ipxe", "kind == 'ipxe'"):
        assert named_outside("ipxe", "loaders", {"dhcp/toy/kind.py": text}), text
    for text in ("isc_text", "IscLeaseFile", "from twinboot.dhcp.isc.lease_text import x", "x = 'isc'"):
        assert named_outside("isc", "dhcp", {"agent/loop.py": text}), text
    assert not named_outside("isc", "dhcp", {"agent/loop.py": "found.discard(key)"})


def test_files_and_syntax_of_a_dhcp_engine_are_its_rooms_own() -> None:
    particular = ("dhcpd.leases", "dhcpd.conf", "binding state", "client-hostname")
    for path in PACKAGE.rglob("*.py"):
        if not str(path.relative_to(PACKAGE)).startswith("dhcp/isc/"):
            words = " ".join(names_in_code(text_of(path)))
            assert not [one for one in particular if one in words], path
