"""Each room says what it owns and names all that is in it; CONTRIBUTING.md's map is complete."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PACKAGES = (
    ROOT / "images/sidecar/twinboot", ROOT / "images/page/twinboot_page", ROOT / "scripts/twinlab",
)
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()
MOST_FILES = 13
"""Modules of one room; what it needs more of is two rooms."""
NOT_NAMED = {"__init__", "__main__"}

ROOMS = sorted(
    init.parent for package in PACKAGES for init in package.rglob("__init__.py")
)


def inside(room: Path) -> set[str]:
    """Modules and rooms of a room."""
    modules = {path.stem for path in room.glob("*.py")} - NOT_NAMED
    return modules | {path.parent.name for path in room.glob("*/__init__.py")}


def unnamed(docstring: str, names: set[str]) -> set[str]:
    """Names that no line of the docstring begins with."""
    begun = {line.split()[0].rstrip("/") for line in docstring.splitlines() if line.strip()}
    return names - begun


def room_name(room: Path) -> str:
    return str(room.relative_to(ROOT))


@pytest.mark.parametrize("room", ROOMS, ids=room_name)
def test_a_room_names_all_that_is_in_it(room: Path) -> None:
    docstring = ast.get_docstring(ast.parse((room / "__init__.py").read_text())) or ""
    owns = docstring.split("\n")[0]
    assert len(owns.split()) > 3, f"{room_name(room)}: the first line says what the room owns"
    assert unnamed(docstring, inside(room)) == set(), f"give each a line in {room_name(room)}/__init__.py"


@pytest.mark.parametrize("room", ROOMS, ids=room_name)
def test_a_room_holds_no_crowd(room: Path) -> None:
    assert len(list(room.glob("*.py"))) - 1 <= MOST_FILES


def tabled(heading: str) -> set[str]:
    """What the first column of the table below a line of CONTRIBUTING.md names."""
    _, found, rest = CONTRIBUTING.partition(f"\n{heading}\n")
    assert found, f"CONTRIBUTING.md has no line {heading!r}"
    rows = re.findall(r"^\| (`[^|]*) \|", rest.lstrip().split("\n\n")[0], re.MULTILINE)
    return {name.rstrip("/") for row in rows for name in re.findall(r"`([^`]+)`", row)}


@pytest.mark.parametrize("package", PACKAGES, ids=room_name)
def test_the_map_of_contributing_names_every_room_and_nothing_else(package: Path) -> None:
    assert tabled(f"`{room_name(package)}/`:") == inside(package) | {
        path.name for path in package.iterdir() if path.is_dir() and any(path.glob("*.py"))
    }


def test_a_module_that_is_not_named_is_found() -> None:
    assert unnamed("What it owns.\n\none  is named\nroom/  too", {"one", "two", "room"}) == {"two"}
