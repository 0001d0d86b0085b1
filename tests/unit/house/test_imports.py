"""Dependencies point inward, in every package: a table of who may use whom, and which packages are pure."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from sources import nodes_in, text_of

PACKAGE = Path(__file__).parents[3] / "images" / "sidecar" / "twinboot"

# What each part may use of the others; "takeover", "tree_sync" and "power" have parts, and
# the form of sections is one of its own, for pure packages too. Everything below twinboot/ has its line.
ALLOWED: dict[str, set[str]] = {
    # the ground
    "daemons": set(),  # the table of daemons
    "errors": set(),
    "paths": set(),
    "kept": {"paths"},  # the table of kept files
    "load_aware_timeout": set(),
    "private_socket": set(),
    "work_in_parts": set(),
    # as types alone: a registry imports its folders by name
    "kinds": {"installers", "loaders", "dhcp", "power.logic"},
    "log": {"core"},  # the form of a log line
    "alarms": set(),
    "wire.sections": set(),
    # pure decisions
    "core": {"alarms"},
    "takeover.logic": {"wire.sections"},
    "tree_sync.logic": set(),
    "replication": {"wire"},
    "rollout": set(),
    "machines": set(),
    "access": set(),  # tokens, sessions and roles of the API
    "webhooks": set(),
    "bundle": set(),
    "power.logic": set(),
    # what an operator wrote, and what is made of it
    "site": {"daemons", "kinds"},
    "planning": {"site", "kinds", "installers"},
    "enrolment": {"site", "planning", "machines"},
    "installers": {"site", "planning", "kinds"},
    "trees": {"installers", "kinds"},
    "loaders": {"site", "planning", "kinds"},
    "dhcp": {"site", "planning", "loaders", "daemons", "errors", "kinds", "wire.sections"},
    "render": {
        "site", "planning", "installers", "loaders", "dhcp", "kinds", "machines", "power.logic",
        "work_in_parts",
    },
    "power.kinds": {"power.logic", "kinds", "paths"},
    # the world outside
    "kernel": {"errors"},
    "wire": {"core", "daemons", "kernel", "wire.sections", "takeover.logic"},
    "adapters": {"core", "wire", "kernel", "log", "errors", "load_aware_timeout"},
    # the processes
    "agent": {
        "access", "alarms", "core", "takeover.logic", "replication", "rollout", "machines", "site",
        "planning", "enrolment", "loaders", "dhcp", "trees", "tree_sync.logic", "power.logic", "webhooks",
        "wire", "adapters", "daemons", "kinds",
        "log", "errors", "paths", "kept", "load_aware_timeout",
    },
    "takeover.host": {
        "alarms", "core", "takeover.logic", "site", "kernel", "adapters", "daemons", "log", "errors",
        "paths", "wire", "trees",
    },
    "tree_sync.host": {"core", "tree_sync.logic", "trees", "log", "private_socket"},
    "power.host": {"core", "power.logic", "kinds", "log", "paths", "private_socket"},
    "engine_proxy": {"core", "wire", "log", "errors", "private_socket"},
    # the command line builds things
    "commands": {
        "access", "adapters", "alarms", "bundle", "rollout", "site", "planning", "enrolment", "loaders",
        "render", "machines", "daemons", "errors", "paths", "kept", "kinds", "installers", "trees",
        "power.logic", "webhooks",
    },
}
OUTER = {"cli", "__main__"}

# What decides is fed with time, chance and bytes by others. Of `time` only what formats a given time.
PURE = {
    "alarms", "daemons", "core", "takeover.logic", "tree_sync.logic", "replication", "rollout", "planning",
    "site", "machines", "access", "enrolment", "webhooks", "power.logic", "wire.sections",
}
IMPURE_MODULES = {
    "asyncio", "logging", "multiprocessing", "os", "random", "secrets", "select", "selectors", "signal",
    "socket", "subprocess", "threading", "time",
}
FORMATTING = {"time.gmtime", "time.strftime", "time.struct_time"}


def part_of(name: str) -> str:
    """The part that a dotted name belongs to; empty for `twinboot` itself and what is not Twinboot's."""
    parts = name.split(".")
    if len(parts) < 2 or parts[0] != "twinboot":
        return ""
    if parts[1] in ("takeover", "tree_sync", "power"):
        return ".".join(parts[1:3]) if len(parts) > 2 else ""
    return "wire.sections" if parts[1:3] == ["wire", "sections"] else parts[1]


def imported(source: str, module: str, is_package: bool) -> set[str]:
    """Absolute dotted names of all that the module imports."""
    found: set[str] = set()
    for node in nodes_in(source):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = module.split(".")
                keep = len(parts) - node.level + (1 if is_package else 0)
                base = ".".join([*parts[:keep], *([node.module] if node.module else [])])
            found |= {f"{base}.{alias.name}" for alias in node.names}
    return found


def breaches(module: str, source: str, is_package: bool = False) -> list[str]:
    """Imports of one module that point outward, sideways between adapters, or out of a pure package."""
    part = part_of(module)
    wrong = []
    for name in sorted(imported(source, module, is_package)):
        target = name.split(".")
        if target[0] != "twinboot":
            if part in PURE and target[0] in IMPURE_MODULES and name not in FORMATTING:
                wrong.append(f"{module} imports {name}: {part} is pure")
            continue
        other = part_of(name)
        if not other or not part or other == part:
            if part == other == "adapters" and not _same_resource(module, name):
                wrong.append(f"{module} imports {name}: adapters do not know each other")
            continue
        if part in OUTER:
            continue
        if part not in ALLOWED:
            wrong.append(f"{module}: {part} has no line in the table of who may use whom")
        elif other not in ALLOWED[part] and _is_module(other):
            wrong.append(f"{module} imports {name}: {part} may not use {other}")
    return wrong


def _same_resource(module: str, name: str) -> bool:
    """Both in one folder of adapters that has no folders of its own."""
    def folder(dotted: str) -> list[str]:
        parts = dotted.split(".")
        while parts and not PACKAGE.joinpath(*parts[1:]).is_dir():
            parts.pop()
        return parts

    mine = folder(module)
    return len(mine) > 3 and folder(name) == mine


def _is_module(part: str) -> bool:
    place = PACKAGE.joinpath(*part.split("."))
    return place.is_dir() or place.with_suffix(".py").is_file()


def modules() -> list[tuple[str, Path]]:
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        relative = path.relative_to(PACKAGE.parent).with_suffix("")
        name = ".".join(relative.parts)
        found.append((name.removesuffix(".__init__"), path))
    return found


@pytest.mark.parametrize(("module", "path"), modules(), ids=[name for name, _ in modules()])
def test_imports_point_inward(module: str, path: Path) -> None:
    assert breaches(module, text_of(path), path.name == "__init__.py") == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("twinboot.core.step", "import time"),
        ("twinboot.core.vip.group", "def f():\n    from random import random"),
        ("twinboot.core.step", "from ..wire import cluster"),
        ("twinboot.core.step", "from twinboot.adapters.links.udp import UdpLink"),
        ("twinboot.takeover.logic.plan", "from time import monotonic"),
        ("twinboot.takeover.logic.plan", "from ..host import process"),
        ("twinboot.takeover.logic.plan", "from twinboot.wire.ipc import takeover"),
        ("twinboot.wire.sections", "import os"),
        ("twinboot.replication.node", "import socket"),
        ("twinboot.planning.plan", "from ..render import files"),
        ("twinboot.wire.cluster.heartbeat", "from twinboot import adapters"),
        ("twinboot.adapters.lan.address", "from ..links.udp import link"),
        ("twinboot.adapters.disk", "from . import clock"),
        ("twinboot.site.model.site", "from twinboot.core import model"),
        ("twinboot.agent.start", "from twinboot.engine_proxy.containers import Containers"),
        ("twinboot.engine_proxy.serve", "from twinboot.adapters.links.udp import UdpLink"),
        ("twinboot.newcomer.thing", "from twinboot.core import model"),
    ],
)
def test_a_breach_is_found(module: str, source: str) -> None:
    assert breaches(module, source)


def test_every_part_has_its_line() -> None:
    assert {part_of(name) for name, _ in modules()} - {""} == set(ALLOWED) | (OUTER & {"cli"})


def test_the_page_knows_nothing_of_the_sidecars_package() -> None:
    """It is another image: they meet on a socket."""
    package = PACKAGE.parents[1] / "page" / "twinboot_page"
    sources = sorted(package.rglob("*.py"))
    assert sources
    for path in sources:
        relative = path.relative_to(package.parent).with_suffix("")
        names = imported(text_of(path), ".".join(relative.parts), path.name == "__init__.py")
        assert not [name for name in names if name.split(".")[0] == "twinboot"], path
