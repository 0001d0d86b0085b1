"""A tree and a profile are put into an operator's site file: nothing else of it changes."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from twinboot.commands import site_file
from twinboot.commands.trees import entry
from twinboot.site import loads
from twinboot.site.editing import EditError
from twinboot.trees.manifest import Manifest

ROOT = Path(__file__).parents[3]
EXAMPLES = [(ROOT / f"config/examples/{name}.yaml").read_text() for name in ("parity", "dns")]


def manifest(name: str = "alma-9.4", release: str = "RHEL9", initrds: tuple[str, ...] = ("i",)) -> Manifest:
    return Manifest(
        name=name, kind="kickstart", distribution="AlmaLinux 9.4", release=release, architecture="x86_64",
        kernel="images/pxeboot/vmlinuz", initrds=initrds, source="x.iso", label="", imported="", identity="",
        medium="", files=(), links={},
    )  # fmt: skip


@pytest.mark.parametrize("text", EXAMPLES)
def test_the_examples_take_it_and_every_other_line_stays(text: str) -> None:
    new = entry.with_entries(text, manifest())
    kept, rows = text.splitlines(), new.splitlines()
    for row in kept:
        rows.remove(row)
    assert rows == [
        "  alma-9-4:", "    path: alma-9.4", "    kernel: images/pxeboot/vmlinuz", "    initrd: i",
        "  alma-9-4:", "    tree: alma-9-4", "    installer: kickstart", "    version: RHEL9",
    ]  # fmt: skip
    site = loads(new)
    assert site.trees["alma-9-4"].path == "alma-9.4"
    assert site.profiles["alma-9-4"].tree == "alma-9-4"


HEAD = "a: 1 # kept\n"


@pytest.mark.parametrize("text", [
    HEAD, f"{HEAD}trees:\nprofiles:\n", f"{HEAD}trees: {{}}\nprofiles: {{x: {{tree: y}}}} # kept\n",
    f"{HEAD}trees:\n        x: {{path: 'y'}}\nprofiles:\n x:\n  tree: \"y\"\n  post: |\n    # text\n\n    x",
    f"{HEAD}profiles:\n  x: {{tree: y}}\n\n# kept, of trees\ntrees:\n  x: {{path: y}}\n  # kept, of x\n\n\n",
    f"{HEAD}trees:\n- no\n",
    f"%YAML 1.2\n---\n{HEAD}trees:\n  x: &anchor {{path: y}}\n  z: *anchor\n...\n",
])  # fmt: skip
def test_files_of_other_forms(text: str) -> None:
    """Comments and quotes stay; or nothing is changed, and it is said."""
    try:
        new = entry.with_entries(text, manifest())
    except EditError:
        assert "- no" in text
        return
    assert new.count("# kept") == text.count("# kept")
    assert new.count("'y'") == text.count("'y'")
    found = yaml.load(new, Loader=yaml.BaseLoader)
    for section in ("trees", "profiles"):
        before = (yaml.load(text, Loader=yaml.BaseLoader) or {}).get(section) or {}
        assert found[section] == before | yaml.load(entry.lines(manifest()), Loader=yaml.BaseLoader)[section]


def test_a_version_that_looks_like_a_number_is_text() -> None:
    lines = yaml.safe_load(entry.lines(manifest(release="13", initrds=())))
    assert lines["profiles"]["alma-9-4"]["version"] == "13"
    assert lines["trees"]["alma-9-4"]["initrd"] == []


def test_names_that_are_there_are_refused(tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text("trees:\n  alma-9-4: {}\n")
    with pytest.raises(EditError, match=r"trees\.alma-9-4"):
        entry.check_names(tmp_path / "site.yaml", "alma-9.4")
    entry.check_names(tmp_path / "site.yaml", "alma-9.5")
    with pytest.raises(EditError, match="cannot be read"):
        entry.check_names(tmp_path / "none.yaml", "x")


def test_the_file_keeps_its_mode_and_its_place_behind_a_link(tmp_path: Path) -> None:
    (tmp_path / "real.yaml").write_text("a: 1\n")
    (tmp_path / "real.yaml").chmod(0o640)
    (tmp_path / "site.yaml").symlink_to("real.yaml")
    site_file.write(tmp_path / "site.yaml", "a: 2\n")
    assert (tmp_path / "site.yaml").is_symlink()
    assert (tmp_path / "real.yaml").read_text() == "a: 2\n"
    assert (tmp_path / "real.yaml").stat().st_mode & 0o777 == 0o640
    assert sorted(one.name for one in tmp_path.iterdir()) == ["real.yaml", "site.yaml"]
