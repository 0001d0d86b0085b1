"""`twinboot import` and `twinboot trees` as commands: exit codes, what is printed, the site file."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import medialayouts as layouts
import pytest
from twinboot import cli
from twinboot.render import check_files
from twinboot.site import load
from twinboot.trees.tree_store import TreeStore

ROOT = Path(__file__).parents[3]


class Here:
    """A trees folder and a site file."""

    def __init__(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.folder, self.trees, self.site = folder, folder / "trees", folder / "site.yaml"
        self.trees.mkdir()
        shutil.copy(ROOT / "config/examples/parity.yaml", self.site)
        self._monkeypatch, self._capsys = monkeypatch, capsys

    def medium(self, layout: layouts.Layout) -> str:
        return str(layouts.write(layout, self.folder / "medium"))

    def call(self, *words: str, code: int = 0) -> str:
        options = ["--trees", str(self.trees)]
        if words[:2] != ("trees", "verify"):
            options += ["--site", str(self.site)]
        if words[0] == "trees" and words[1] != "verify":
            options += ["--record", str(self.folder / "record")]
        self._monkeypatch.setattr(sys, "argv", ["twinboot", *words, *options])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = self._capsys.readouterr()
        assert (ended.value.code or 0) == code, said.out + said.err
        return said.out + said.err


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Here:
    return Here(tmp_path, monkeypatch, capsys)


def test_a_medium_becomes_a_tree_and_is_told_once_more_without_copying(here: Here) -> None:
    medium = here.medium(layouts.alma9())
    first = here.call("import", medium)
    assert "AlmaLinux 9.4" in first
    assert "version: RHEL9" in first
    again = here.call("import", medium)
    assert "imported already" in again
    assert "version: RHEL9" in again
    assert "RHEL9" in here.call("trees", "list")


def test_another_medium_does_not_take_the_name(here: Here) -> None:
    here.call("import", here.medium(layouts.alma9()))
    (here.folder / "medium/new").write_text("new")
    assert "--replace" in here.call("import", str(here.folder / "medium"), code=1)
    here.call("import", str(here.folder / "medium"), "--replace")
    assert (here.trees / "almalinux-9-4/new").exists()


def test_tree_and_profile_go_into_the_site_file(here: Here) -> None:
    medium = here.medium(layouts.without_loaders(layouts.alma9()))
    here.call("import", medium, "--add", "--name", "new")
    assert "  new:\n    path: new\n" in here.site.read_text()
    assert "new" in here.call("trees", "list")
    assert "used by new" in here.call("trees", "remove", "new", "--yes", code=1)
    assert "trees.new" in here.call("import", medium, "--add", "--name", "new", code=1)


BY_FOLDER = {
    "rhel": (layouts.without_loaders(layouts.alma9()), ()),
    "rhel5": (layouts.rhel5(), ()),
    "fedora": (layouts.without_loaders(layouts.fedora41()), ()),
    "debian": (layouts.without_loaders(layouts.debian13() | layouts.debian13_netboot()), ()),
    "leap15": (layouts.without_loaders(layouts.leap15()), ()),
    "sles15": (layouts.sles15(), ()),
    "sles16": (layouts.without_loaders(layouts.sles16()), ()),
    "leap16": (layouts.without_loaders(layouts.sles16("Install openSUSE Leap 16.0")), ()),
    "memtest": ({"boot/memtest": "kernel"}, ("--kernel", "boot/memtest")),
}  # fmt: skip
"""Media that can be folders (Ubuntu's cannot), and what else the import is told."""


@pytest.mark.parametrize("name", BY_FOLDER)
def test_media_of_every_kind_go_into_the_site_file(here: Here, name: str) -> None:
    """What is added has no faults, by itself and with all that `check` looks at on the disk."""
    layout, words = BY_FOLDER[name]
    before = here.site.read_text().splitlines()
    here.call("import", here.medium(layout), *words, "--add", "--unchecked", "--name", "New.1")
    rows = here.site.read_text().splitlines()
    for row in before:
        rows.remove(row)
    assert rows[0] == "  New-1:", "every line that was there is there"
    site = load(here.site)
    assert site.profiles["New-1"].tree == "New-1"
    faults = check_files(site, here.trees, (ROOT / "config/templates",))
    assert [one for one in faults if "New-1" in one.path] == []
    assert "New-1" in here.call("trees", "list")


def test_a_site_file_that_would_have_faults_is_left_alone(here: Here) -> None:
    """The tree has no .treeinfo: `check` would say so the next moment."""
    layout = {path: text for path, text in layouts.alma9().items() if path != ".treeinfo"}
    layout = layouts.without_loaders(layout)
    before = here.site.read_text()
    said = here.call("import", here.medium(layout), "--add", code=1)
    assert ".treeinfo" in said
    assert here.site.read_text() == before
    here.site.write_text(before.replace("cluster: rack1", "cluster: [rack1]"))
    said = here.call("import", here.medium(layout), "--add", "--name", "other", code=1)
    assert "cluster" in said


def test_what_the_import_did_not_make_is_not_removed(here: Here) -> None:
    here.call("import", here.medium(layouts.alma9()), "--name", "new")
    (here.trees / "new/mine").write_text("mine")
    assert "mine" in here.call("trees", "remove", "new", "--yes", code=1)
    assert "ADDED" in here.call("trees", "verify", "new", code=1)
    (here.trees / "new/mine").unlink()
    (here.trees / "hand").mkdir()
    assert "not imported" in here.call("trees", "remove", "hand", "--yes", code=1)
    here.call("trees", "verify")
    here.call("trees", "remove", "new", "--yes")
    assert not (here.trees / "new").exists()


def test_an_import_that_was_not_finished_is_listed_and_given_up(here: Here) -> None:
    place = TreeStore(here.trees)
    with place.locked("half"):
        place.importing("half").mkdir()
        assert "is being imported" in here.call("trees", "list")
        here.call("trees", "remove", "half", "--yes", code=1)
    assert "not finished" in here.call("trees", "list")
    here.call("trees", "remove", "half", "--yes")
    assert "no install tree" in here.call("trees", "list")


@pytest.mark.parametrize(("words", "code", "word"), [
    (("--name", "a/b"), 2, "letters"), (("--name", ".x"), 2, "letters"), (("--name", "x" * 33), 2, "letters"),
    (("--kind", "nothing"), 2, "kickstart"), (("--kernel", "none", "--kind", "custom"), 1, "none"),
])  # fmt: skip
def test_wrong_options_are_told(here: Here, words: tuple[str, ...], code: int, word: str) -> None:
    assert word in here.call("import", here.medium(layouts.alma9()), *words, code=code)
    assert [one.name for one in here.trees.iterdir() if one.name != ".twinboot"] == []


@pytest.mark.parametrize("name", ["../medium", ".", "..", ".twinboot", "a/b"])
def test_names_that_lead_elsewhere_are_refused(here: Here, name: str) -> None:
    here.medium(layouts.alma9())
    here.call("trees", "remove", name, "--yes", code=2)
    here.call("trees", "verify", name, code=2)
    assert (here.folder / "medium/.treeinfo").exists()
