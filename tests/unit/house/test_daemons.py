"""The table of daemons (twinboot/daemons.py): nobody else lists them, and all that describes one agrees."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from sitechange import GOOD
from sources import nodes_in, text_of
from twinboot import daemons
from twinboot.agent.health.probes import PROBES, service_probes
from twinboot.agent.reload import SERVICES
from twinboot.agent.settings import settings_for
from twinboot.daemons import DAEMONS, EVERYWHERE, MANAGED, Daemon, Probe
from twinboot.render import render
from twinboot.site import parse
from twinboot.site.model.site import ManagedService
from twinlab.faults.service import port_rule

ROOT = Path(__file__).parents[3]
NAMES = set(daemons.names())
TABLE = ROOT / "images/sidecar/twinboot/daemons.py"
SCENARIOS = {ROOT / "tests/unit/agent/health/test_checks.py"}
"""Names in a row that are a course of events, not a list of daemons."""
A_LIST = 3
"""So many names in one literal are a list of daemons."""


def sources() -> list[Path]:
    return [
        path for top in ("images", "scripts", "tests") for path in sorted((ROOT / top).rglob("*.py"))
        if path != TABLE and path not in SCENARIOS
    ]


def lists_in(source: str, *, tables: bool) -> list[int]:
    """Lines of tuples, lists and sets that name daemons; tables: also of mappings and of rows by name."""
    found = []
    for node in nodes_in(source):
        if isinstance(node, ast.Tuple | ast.List | ast.Set):
            entries: list[ast.expr | None] = list(node.elts)
            if tables:
                entries += [row.elts[0] for row in node.elts if isinstance(row, ast.Tuple) and row.elts]
        elif isinstance(node, ast.Dict) and tables:
            entries = list(node.keys)
        else:
            continue
        named = {one.value for one in entries if isinstance(one, ast.Constant)} & NAMES
        if len(named) >= A_LIST:
            found.append(node.lineno)
    return found


@pytest.mark.parametrize("path", sources(), ids=[str(path.relative_to(ROOT)) for path in sources()])
def test_nobody_else_lists_the_daemons(path: Path) -> None:
    """Tests may say of single images what only they show; the product and the lab may not even that."""
    assert lists_in(text_of(path), tables=not path.is_relative_to(ROOT / "tests")) == []


@pytest.mark.parametrize("source", [
    'X = ("tftp", "vsftpd", "bind")', 'X = ["tftp", "x", "vsftpd", "bind"]', 'X = {"tftp", "vsftpd", "bind"}',
    'X = {"tftp": 1, "vsftpd": 2, "bind": 3}', 'X = (("tftp", 69), ("vsftpd", 21), ("bind", 53))',
])
def test_a_list_is_found(source: str) -> None:
    assert lists_in(source, tables=True) == [1]


def test_no_probe_or_service_is_paired_by_position() -> None:
    for path in sorted((ROOT / "images/sidecar/twinboot").rglob("*.py")):
        for node in nodes_in(text_of(path)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "zip":
                words = {one.id for arg in node.args for one in ast.walk(arg) if isinstance(one, ast.Name)}
                assert not words & {"DAEMONS", "EVERYWHERE", "MANAGED", "SERVICES"}, path


def test_each_daemon_is_described_once() -> None:
    for field in ("name", "program", "process", "serves", "image_name", "image_variable", "probe"):
        values = [getattr(one, field) for one in DAEMONS]
        assert len(values) == len(set(values)), field
    ports = [port for one in DAEMONS for port in one.ports]
    assert len(ports) == len(set(ports))
    assert set(DAEMONS) == {*EVERYWHERE, *MANAGED}
    assert not set(EVERYWHERE) & set(MANAGED)


def test_what_the_site_calls_a_managed_service_is_what_the_table_does() -> None:
    assert {str(one) for one in ManagedService} == set(daemons.names(MANAGED))


def test_every_probe_has_its_function_and_every_daemon_its_probe() -> None:
    assert set(PROBES) == set(Probe)
    assert set(service_probes(settings_for(parse(GOOD), "server1"))) == NAMES


def test_every_rendered_directory_belongs_to_a_daemon() -> None:
    rendered = render(parse(GOOD), "server1")
    assert {path.partition("/")[0] for path in rendered.etc} == {*SERVICES, "sidecar"}
    assert {one.etc for one in DAEMONS if one.etc} == set(SERVICES)


def stack() -> dict[str, Any]:
    services: dict[str, Any] = yaml.safe_load((ROOT / "compose/services.yaml").read_text())["services"]
    return services


def test_the_stack_has_exactly_these_daemons_and_their_images() -> None:
    services = stack()
    of_ours = {name for name, spec in services.items() if "TWINBOOT_SIDECAR_IMAGE" in spec["image"]}
    assert of_ours == {"render", "engine-proxy", "takeover", "tree-sync", "sidecar", "trees"}
    assert set(services) - of_ours == NAMES | {daemons.PAGE, "power"}
    for one in DAEMONS:
        spec = services[one.name]
        assert spec["image"] == (
            f"${{{one.image_variable}:-${{TWINBOOT_REGISTRY:+${{TWINBOOT_REGISTRY:-}}/}}"
            f"twinboot/{one.image_name}:${{TWINBOOT_VERSION}}}}")
        assert spec["build"]["context"] == f"../images/{one.image_name}"
        assert spec["build"]["dockerfile"] == f"${{{one.image_variable}:+../swapped.}}Dockerfile"
        assert spec["build"]["args"]["IMAGE"] == f"${{{one.image_variable}:-}}"
        assert spec["restart"] == ("no" if one.managed else "unless-stopped")
        assert one.name in services["sidecar"]["depends_on"]
        mounted = {mount if isinstance(mount, str) else mount["source"] for mount in spec["volumes"]}
        assert any(mount.startswith("pub:") for mount in mounted) is one.publishes
        assert any(mount.startswith("etc:") for mount in mounted) is bool(one.etc)


def test_each_image_is_built_by_one_service() -> None:
    """By two it would be another image after each build: Compose labels it with the service."""
    found = Counter({spec["image"]: 0 for spec in stack().values()})
    found.update(spec["image"] for spec in stack().values() if "build" in spec)
    assert set(found.values()) == {1}, found


@pytest.mark.parametrize("one", DAEMONS, ids=daemons.names())
def test_the_image_exposes_what_the_table_says(one: Daemon) -> None:
    text = (ROOT / f"images/{one.image_name}/Dockerfile").read_text()
    exposed = re.search(r"^EXPOSE (.+)$", text, re.M)
    assert exposed
    told = {f"{port.number}/{port.transport}" for port in one.ports}
    if one.data_ports:
        told.add(f"{one.data_ports[0]}-{one.data_ports[-1]}/tcp")
    assert set(exposed[1].split()) == told
    if one.data_ports:
        rendered = "\n".join(render(parse(GOOD), "server1").etc.values())
        assert f"pasv_min_port={one.data_ports[0]}\n" in rendered
        assert f"pasv_max_port={one.data_ports[-1]}\n" in rendered


def test_an_operator_reads_of_the_same_daemons() -> None:
    example = (ROOT / "compose/.env.example").read_text()
    variables = set(re.findall(r"TWINBOOT_\w+_IMAGE", example)) - {"TWINBOOT_SIDECAR_IMAGE"}
    beside = {"TWINBOOT_PAGE_IMAGE", "TWINBOOT_POWER_IMAGE"}
    assert variables == {one.image_variable for one in DAEMONS} | beside
    contract = (ROOT / "images/README.md").read_text()
    rows = dict(re.findall(r"^\| \[(\w+)\]\(\1/README\.md\) \| ([^|]+) \|", contract, re.M))
    assert set(rows) == {one.image_name for one in DAEMONS} | {"sidecar", "power", daemons.PAGE}
    assert all(rows[one.image_name].startswith(one.program) for one in DAEMONS)


def test_the_lab_can_keep_every_daemon_from_its_clients() -> None:
    assert port_rule(daemons.VSFTPD) == "tcp dport 21 reject with tcp reset"
    assert port_rule(daemons.TFTP) == "meta l4proto { udp } th dport 69 drop"
    assert port_rule(daemons.BIND) == "meta l4proto { tcp, udp } th dport 53 drop"
