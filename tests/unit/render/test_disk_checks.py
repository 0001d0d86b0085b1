"""What a site names on the disk: trees and templates."""

from __future__ import annotations

from pathlib import Path

import pytest
from twinboot.render import check_files
from twinboot.site import Fault, Site, load

CONFIG = Path(__file__).parents[3] / "config"
SITE: Site = load(CONFIG / "examples/parity.yaml")
SHIPPED = (CONFIG / "templates",)


@pytest.fixture
def trees(tmp_path: Path) -> Path:
    boot = tmp_path / "trees/rh9/images/pxeboot"
    boot.mkdir(parents=True)
    for path in (boot / "vmlinuz", boot / "initrd.img", tmp_path / "trees/rh9/.treeinfo"):
        path.write_text("x")
        path.chmod(0o644)
    return tmp_path / "trees"


def only(trees: Path, *templates: Path) -> Fault:
    [fault] = check_files(SITE, trees, (*templates, *SHIPPED))
    return fault


def test_a_whole_tree_is_good(trees: Path) -> None:
    assert check_files(SITE, trees, SHIPPED) == []


def test_no_trees_directory(tmp_path: Path) -> None:
    assert only(tmp_path / "none").path == "trees"


def test_no_tree(trees: Path) -> None:
    (trees / "rh9").rename(trees / "rh8")
    fault = only(trees)
    assert (fault.path, fault.value) == ("trees.rh9.path", "rh9")


@pytest.mark.parametrize(
    ("file", "path"),
    [
        ("images/pxeboot/vmlinuz", "trees.rh9.kernel"),
        ("images/pxeboot/initrd.img", "trees.rh9.initrd"),
        (".treeinfo", "trees.rh9.path"),
    ],
)
def test_a_missing_file(trees: Path, file: str, path: str) -> None:
    (trees / "rh9" / file).unlink()
    assert only(trees).path == path


def test_a_kernel_that_is_empty(trees: Path) -> None:
    (trees / "rh9/images/pxeboot/vmlinuz").write_text("")
    assert (only(trees).path, "empty" in only(trees).remedy) == ("trees.rh9.kernel", True)


def test_a_tree_that_leads_out(trees: Path) -> None:
    (trees / "rh9").rename(trees.parent / "rh9")
    (trees / "rh9").symlink_to(trees.parent / "rh9")
    assert "leads out" in only(trees).remedy


def test_a_template_that_is_missing(trees: Path) -> None:
    faults = check_files(SITE, trees, (trees,))
    assert "templates/kickstart/default.ks.j2" in [fault.path for fault in faults]
    assert len(faults) == 24


def test_a_template_that_does_not_compile(trees: Path, tmp_path: Path) -> None:
    own = tmp_path / "own/kickstart/default.ks.j2"
    own.parent.mkdir(parents=True)
    own.write_text("text\n\n{{ oops\n")
    fault = only(trees, tmp_path / "own")
    assert fault.path == "templates/kickstart/default.ks.j2:3"
    assert "used by profiles.rh9.template" in fault.remedy
