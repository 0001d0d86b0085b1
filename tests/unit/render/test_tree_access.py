"""Install trees as the daemons will read them: what clients cannot fetch, in all depths, one line a kind."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from twinboot.render import FilesFound, Places, look_at_files
from twinboot.site import Fault, Site, load

CONFIG = Path(__file__).parents[3] / "config"
SITE: Site = load(CONFIG / "examples/parity.yaml")
DEEP = "images/a/b/c/d"


@pytest.fixture
def trees(tmp_path: Path) -> Iterator[Path]:
    """A whole tree, whatever the umask of the test run is."""
    before = os.umask(0o022)
    tree = tmp_path / "trees/rh9"
    for name in ("images/pxeboot/vmlinuz", "images/pxeboot/initrd.img", ".treeinfo", f"{DEEP}/file",
                 "Packages/one.rpm", "Packages/two.rpm"):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text("x")
    yield tmp_path / "trees"
    os.umask(before)


def look(trees: Path, on_host: str = "") -> FilesFound:
    return look_at_files(
        SITE, Places(trees=trees, templates=(CONFIG / "templates",), trees_on_host=on_host or str(trees))
    )


def only(trees: Path) -> Fault:
    [fault] = look(trees).faults
    return fault


def mended(trees: Path) -> bool:
    """The command that the only fault names is typed; then nothing is wrong."""
    command = only(trees).remedy.rpartition(": ")[2]
    subprocess.run(("sh", "-c", command), check=True)
    return not look(trees).faults


def test_a_whole_tree_is_good_and_lost_and_found_is_nobodys(trees: Path) -> None:
    (trees / "rh9/lost+found").mkdir(mode=0o700)
    found = look(trees)
    assert (found.faults, found.warnings) == ((), ())
    assert found.entries == len(list((trees / "rh9").rglob("*"))) - 1, "each folder and file, once"


@pytest.mark.parametrize("mode", [0o750, 0o700, 0o711, 0o754])
def test_a_folder_that_others_may_not_enter_or_list(trees: Path, mode: int) -> None:
    (trees / "rh9" / DEEP).chmod(mode)
    fault = only(trees)
    assert (fault.path, fault.value) == ("trees.rh9.path", f"rh9/{DEEP}")
    assert f"{mode:04o}" in fault.remedy
    assert mended(trees)


def test_a_tree_that_was_copied_under_a_tight_umask_is_one_line_for_each_kind(trees: Path) -> None:
    for place in (trees / "rh9").rglob("*"):
        place.chmod(0o700 if place.is_dir() else 0o600)
    folders, files = look(trees).faults
    assert "(7 of this kind)" in folders.remedy
    assert "(6 of this kind)" in files.remedy
    assert folders.remedy.endswith(f"chmod -R a+rX {trees}/rh9")
    subprocess.run(("sh", "-c", files.remedy.rpartition(": ")[2]), check=True)
    assert not look(trees).faults


@pytest.mark.parametrize("name", ["images/pxeboot/vmlinuz", ".treeinfo", f"{DEEP}/file"])
def test_a_file_clients_may_not_read(trees: Path, name: str) -> None:
    (trees / "rh9" / name).chmod(0o640)
    assert only(trees).value == f"rh9/{name}"
    assert mended(trees)


def test_the_trees_folder_itself_and_what_lies_on_the_way_to_a_tree(trees: Path) -> None:
    trees.chmod(0o750)
    assert only(trees).path == "trees"
    assert mended(trees)
    deep = SITE.model_copy(update={"trees": {"rh9": SITE.trees["rh9"].model_copy(update={"path": "el/rh9"})}})
    (trees / "el").mkdir()
    (trees / "rh9").rename(trees / "el/rh9")
    (trees / "el").chmod(0o750)
    [fault] = look_at_files(deep, Places(trees=trees, templates=(CONFIG / "templates",))).faults
    assert (fault.path, fault.value) == ("trees.rh9.path", "el")


def test_an_absolute_link_within_the_trees_becomes_a_relative_one(trees: Path) -> None:
    link = trees / "rh9/images/boot"
    link.symlink_to(trees / "rh9/images/pxeboot")
    fault = only(trees)
    assert (fault.path, fault.value) == ("trees.rh9.path", "rh9/images/boot")
    assert "ln -snfr" in fault.remedy
    assert mended(trees)
    assert os.readlink(link) == "pxeboot"


def test_many_absolute_links_are_one_line(trees: Path) -> None:
    for number in range(5):
        (trees / f"rh9/{DEEP}/link {number}").symlink_to(trees / "rh9/Packages/one.rpm")
    assert "(5 of this kind)" in only(trees).remedy
    assert mended(trees)


def test_links_are_judged_by_where_the_host_has_the_trees(trees: Path) -> None:
    """In the container the trees are at another place: there, a link to the host's place leads nowhere."""
    (trees / "rh9/images/boot").symlink_to("/srv/elsewhere/trees/rh9/images/pxeboot")
    [fault] = look(trees, "/srv/elsewhere/trees").faults
    assert fault.remedy.endswith(
        "ln -snfr /srv/elsewhere/trees/rh9/images/pxeboot /srv/elsewhere/trees/rh9/images/boot"
    )


@pytest.mark.parametrize("absolute", [True, False])
def test_a_link_out_of_the_trees(trees: Path, absolute: bool) -> None:
    outside = trees.parent / "dvd/Packages"
    outside.mkdir(parents=True)
    (outside / "three.rpm").write_text("x")
    (trees / "rh9/AppStream").symlink_to(outside if absolute else "../../dvd/Packages")
    assert only(trees).value == "rh9/AppStream"
    assert mended(trees)
    assert (trees / "rh9/AppStream/three.rpm").is_file()


def test_a_link_to_another_tree_is_followed_there(trees: Path) -> None:
    (trees / "common/x").mkdir(parents=True)
    (trees / "common/x/file").touch(0o600)
    (trees / "rh9/x").symlink_to("../common/x")
    assert only(trees).value == "common/x/file"
    (trees / "common/x/file").chmod(0o644)
    (trees / "common/x/again").symlink_to("../../rh9")  # a ring is walked once
    assert not look(trees).faults


def test_a_dangling_link_is_a_warning_wherever_it_leads_within_the_trees(trees: Path) -> None:
    (trees / f"rh9/{DEEP}/gone").symlink_to("../nothing")
    (trees / f"rh9/{DEEP}/ring").symlink_to("ring")
    found = look(trees)
    assert not found.faults
    [warning] = found.warnings
    assert warning.value == f"rh9/{DEEP}/gone"
    assert "(2 of this kind)" in warning.remedy


@pytest.mark.parametrize("target", ["/mnt/dvd", "../../dvd"])
def test_a_tree_that_is_a_link_out_is_told_as_such(trees: Path, target: str) -> None:
    (trees / "rh9").rename(trees / "old")
    (trees / "rh9").symlink_to(target)
    assert "link to" in only(trees).remedy
    assert "no such directory" not in only(trees).remedy


def test_a_name_that_is_no_text_can_be_told(trees: Path) -> None:
    odd = os.fsencode(trees / "rh9") + b"/\xff'$(touch x)"
    with open(odd, "w") as file:
        file.write("x")
    os.chmod(odd, 0o600)
    said = str(only(trees))
    assert said.encode()
    assert shlex.split(said.rpartition(": ")[2])[:2] == ["chmod", "a+rX"]


def test_ten_thousand_files_and_how_far_it_is(trees: Path) -> None:
    for folder in range(10):
        place = trees / f"rh9/Packages/{folder}"
        place.mkdir()
        for number in range(1000):
            (place / f"{number}.rpm").touch()
    (place / "999.rpm").chmod(0o600)
    told: list[int] = []
    found = look_at_files(SITE, Places(trees=trees, templates=(CONFIG / "templates",)), told.append)
    assert [fault.value for fault in found.faults] == ["rh9/Packages/9/999.rpm"]
    assert told == list(range(1000, 10_001, 1000))
