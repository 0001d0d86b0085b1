"""Kinds are named in their own rooms alone: the rest of the code never asks which kind it is."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from sources import nodes_in, text_of
from twinboot.kinds import DHCP_ENGINES, INSTALLERS, LOADERS, POWER

PACKAGE = Path(__file__).parents[3] / "images" / "sidecar" / "twinboot"
ROOMS = {"installers": INSTALLERS.names(), "loaders": LOADERS.names(), "dhcp": DHCP_ENGINES.names(),
         "power/kinds": POWER.names()}  # fmt: skip

# Named outside by right: the site file's own syntax.
EXCUSED = {
    ("site/model/install.py", "kickstart"): "default of `installer:`, and the setting `kickstart:`",
    **{("site/model/boot.py", loader): "the setting `boot:`, which chooses" for loader in LOADERS.names()},
    ("loaders/firmware.py", "ipxe"): "what machines say of themselves: it is firmware, too",
    ("loaders/pxelinux/kind.py", "ipxe"): "the same",
    ("loaders/lpxelinux/__init__.py", "ipxe"): "the same",
    ("dhcp/isc/boot.py", "ipxe"): "the same",
    ("loaders/lpxelinux/__init__.py", "pxelinux"): "is the same program with a TCP of its own",
    ("loaders/on_disk.py", "grub"): "what files of installed systems are called",
    ("loaders/trees.py", "grub"): "what files on media are called",
    ("installers/agama/additions.py", "autoyast"): "a section of Agama's profile, for old ones",
    ("installers/agama/kind.py", "autoinstall"): "a unit of Agama's live system",
    ("installers/agama/reports.py", "autoinstall"): "the same",
    ("installers/agama/media.py", "grub"): "the same",
    ("installers/preseed/text.py", "grub"): "what debian-installer calls its questions",
    ("dhcp/__init__.py", "isc"): "the engine of every site, as long as the site file has no setting",
    **{("site/model/power.py", kind): "descriptions of settings" for kind in POWER.names()},
    **{("site/checks/power.py", kind): "a remedy's words" for kind in POWER.names()},
    ("daemons.py", "isc"): "what its makers call it",
}


def names_in_code(text: str) -> Iterator[str]:
    """Identifiers, and strings that are no docstrings."""
    prose = {
        id(node.value) for node in nodes_in(text)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }  # fmt: skip
    for node in nodes_in(text):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            yield node.value
        elif isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.arg | ast.keyword):
            yield node.arg or ""
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from (alias.name for alias in node.names)
            yield getattr(node, "module", None) or ""


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
    excused = {path for path, name in EXCUSED if name == kind}
    assert named_outside(kind, room, files) == excused


def test_what_names_a_kind_is_seen() -> None:
    for text in ("if kind == 'kickstart': pass", "profile.kickstart", "from .kickstart import x"):
        assert named_outside("kickstart", "installers", {"render/files.py": text}), text
    assert not named_outside("kickstart", "installers", {"render/files.py": '"""Fills a kickstart."""'})
    for text in ("isc_text", "IscLeaseFile", "from twinboot.dhcp.isc.lease_text import x", "x = 'isc'"):
        assert named_outside("isc", "dhcp", {"agent/loop.py": text}), text
    assert not named_outside("isc", "dhcp", {"agent/loop.py": "found.discard(key)"})


def test_files_and_syntax_of_a_dhcp_engine_are_its_rooms_own() -> None:
    particular = ("dhcpd.leases", "dhcpd.conf", "binding state", "client-hostname")
    for path in PACKAGE.rglob("*.py"):
        if not str(path.relative_to(PACKAGE)).startswith("dhcp/isc/"):
            words = " ".join(names_in_code(text_of(path)))
            assert not [one for one in particular if one in words], path
