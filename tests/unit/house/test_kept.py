"""Whatever a server keeps on its disk stands in one table: so a backup holds it, or says why it does not."""

from __future__ import annotations

import ast
from pathlib import Path

import yaml
from twinboot import kept
from twinboot.kept import Volume

ROOT = Path(__file__).parents[3]
PACKAGE = ROOT / "images/sidecar/twinboot"
FOLDERS = {"state", "leases", "STATE", "LEASES"}
OF = {"files", "_files", "place", "paths"}
EXCUSED = {
    ("agent/dhcp/dhcp.py", "files.leases"): "the engine's own lease file, and news of the folder",
    ("agent/configuration.py", "paths.STATE"): "the folder itself",
    ("agent/configuration.py", "paths.LEASES"): "the folder itself",
    ("commands/backup/collecting.py", "paths.STATE"): "the folder itself",
    ("commands/backup/collecting.py", "paths.LEASES"): "the folder itself",
    ("commands/backup/restoring.py", "place.state"): "what stood there is put aside within the volume",
    ("commands/backup/restoring.py", "place.leases"): "what stood there is put aside within the volume",
    ("commands/joining/join.py", "place.state"): "what stood there is put aside within the volume",
}
"""Who has the folder of a volume, and not one file of the table."""
RENDERED = {"etc", "pub"}
"""Volumes on the disk whose contents are made anew from the site."""
WRITERS = {"state": {"sidecar"}, "leases": {"sidecar", "dhcpd"}}


def named(source: str) -> set[str]:
    """Expressions that are the folder of a volume."""
    return {
        f"{node.value.id}.{node.attr}" for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Attribute) and node.attr in FOLDERS
        and isinstance(node.value, ast.Name) and node.value.id in OF
    }  # fmt: skip


def test_nobody_keeps_a_file_that_is_not_in_the_table() -> None:
    found = {
        (str(path.relative_to(PACKAGE)), one) for path in PACKAGE.rglob("*.py")
        for one in named(path.read_text())
    }  # fmt: skip
    assert found == set(EXCUSED), "take the place of a kept file from twinboot/kept.py"
    assert named('StateFile(files.state / "new.json", 9)') == {"files.state"}


def test_each_is_in_a_backup_or_it_is_said_why_not() -> None:
    assert [one.name for one in kept.TABLE if bool(one.part) == bool(one.left_out)] == []
    parts = [one.part for one in kept.TABLE if one.part]
    assert len(set(parts)) == len(parts)


def test_volumes_on_the_disk_are_those_of_the_table_and_their_writers_known() -> None:
    stack = yaml.safe_load((ROOT / "compose/services.yaml").read_text())
    on_disk = {name for name, one in stack["volumes"].items() if one is None}
    assert on_disk == RENDERED | {one.value for one in Volume}
    mounts = [(name, str(mount).split(":")) for name, one in stack["services"].items()
              for mount in one.get("volumes", ()) if isinstance(mount, str)]
    for volume, writers in WRITERS.items():
        assert {name for name, mount in mounts if mount[0] == volume and mount[-1] != "ro"} == writers


def test_the_table_of_mounts_names_each() -> None:
    said = (ROOT / "images/sidecar/README.md").read_text().partition("\n## Mounts\n")[2]
    assert [one.name for one in kept.TABLE if f"`{one.name}`" not in said] == []


def test_a_file_is_known_by_its_place_alone() -> None:
    for name, row in (("machines.sqlite-wal", kept.MACHINES), ("logs/cli128.log", kept.LOGS),
                      ("site.json.new", kept.RECORD), ("logs", None), ("site.jsonx", None)):
        assert kept.known(Volume.STATE, name) is row
    assert kept.known(Volume.LEASES, "site.json") is None
