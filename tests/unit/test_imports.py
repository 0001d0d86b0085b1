"""Dependencies point inward: core <- wire <- adapters <- agent <- cli; site is used by all and uses none."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "images" / "sidecar" / "twinboot"

CORE_STDLIB = {"__future__", "dataclasses", "enum", "typing", "collections", "operator"}

# What each part may use of its siblings. Modules at the top (agent, cli, ...) are parts of their own.
ALLOWED: dict[str, set[str]] = {
    "core": set(),
    "site": set(),
    "errors": set(),
    "patience": set(),
    "story": {"core"},  # the form of a log line
    "adopt": set(),
    "wire": {"core"},
    "stream": {"wire"},
    "adapters": {"core", "wire", "site", "story", "errors", "patience"},
    "door": {"core", "wire", "story", "errors"},
}
OUTER = {"cli", "__main__"}


def imported(tree: ast.AST, module: str, is_package: bool) -> set[str]:
    """Absolute dotted names of all that the module imports."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = module.split(".")
                keep = len(parts) - node.level + (1 if is_package else 0)
                base = ".".join([*parts[:keep], *([node.module] if node.module else [])])
            found.add(base)
            found |= {f"{base}.{alias.name}" for alias in node.names}
    return found


def breaches(module: str, source: str, is_package: bool = False) -> list[str]:
    """Imports of one module that point outward, or sideways between adapters."""
    parts = module.split(".")
    part = parts[1] if len(parts) > 1 else ""
    wrong = []
    for name in sorted(imported(ast.parse(source), module, is_package)):
        target = name.split(".")
        if target[0] != "twinboot":
            if part == "core" and target[0] not in CORE_STDLIB:
                wrong.append(f"{module} imports {name}: the core is pure")
            continue
        if len(target) < 2 or not part:
            continue
        other = target[1]
        if part in ALLOWED and other != part and other not in ALLOWED[part] and _is_module(other):
            wrong.append(f"{module} imports {name}: {part} may not use {other}")
        if part not in ALLOWED and part not in OUTER and other in OUTER:
            wrong.append(f"{module} imports {name}: only the outermost builds things")
        if other == "door" and part not in ("door", *OUTER):
            wrong.append(f"{module} imports {name}: the engine is reached by the door alone")
        if part == other == "adapters" and len(target) > 2 and target[2] != parts[2] and len(parts) > 2:
            wrong.append(f"{module} imports {name}: adapters do not know each other")
    return wrong


def _is_module(name: str) -> bool:
    return (PACKAGE / name).is_dir() or (PACKAGE / f"{name}.py").is_file()


def modules() -> list[tuple[str, Path]]:
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        relative = path.relative_to(PACKAGE.parent).with_suffix("")
        name = ".".join(relative.parts)
        found.append((name.removesuffix(".__init__"), path))
    return found


@pytest.mark.parametrize(("module", "path"), modules(), ids=[name for name, _ in modules()])
def test_imports_point_inward(module: str, path: Path) -> None:
    assert breaches(module, path.read_text(), path.name == "__init__.py") == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("twinboot.core.step", "import time"),
        ("twinboot.core.step", "def f():\n    from random import random"),
        ("twinboot.core.step", "from ..wire import message"),
        ("twinboot.core.step", "from twinboot.adapters.udp import Udp"),
        ("twinboot.wire.message", "from .. import adapters"),
        ("twinboot.adapters.udp", "from .arp import send"),
        ("twinboot.adapters.udp", "from twinboot.adapters import arp"),
        ("twinboot.site.model", "from twinboot.core import model"),
        ("twinboot.agent.start", "from twinboot.door.containers import Containers"),
        ("twinboot.door.serve", "from twinboot.adapters.udp import UdpLink"),
    ],
)
def test_a_breach_is_found(module: str, source: str) -> None:
    assert breaches(module, source)


def test_the_core_was_walked() -> None:
    assert "twinboot.core.step" in [name for name, _ in modules()]
