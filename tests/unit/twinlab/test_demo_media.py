"""A medium in the demo: what is called, and the site that comes of it."""

from __future__ import annotations

import shutil
import sys
from dataclasses import replace
from pathlib import Path

import medialayouts as layouts
import pytest
from twinboot import cli
from twinboot.installers.media import MediaOptions
from twinboot.kinds import INSTALLERS
from twinboot.render import check_files
from twinboot.site import parse
from twinboot.trees.manifest import File
from twinboot.trees.media.opening import recognise
from twinlab import LabError
from twinlab.demo import media
from twinlab.host import labsite


def imported(monkeypatch: pytest.MonkeyPatch, folder: Path, kind: str) -> media.Imported:
    """As the demo's container does it."""
    trees, site_file = folder / "trees", folder / "site.yaml"
    trees.mkdir()
    shutil.copy(labsite.DEFAULT_SITE, site_file)
    wish = layouts.WISHES.get(kind, MediaOptions())
    words = [*(("--kernel", wish.kernel) if wish.kernel else ()),
             *(word for one in wish.initrds for word in ("--initrd", one))]  # fmt: skip
    medium = layouts.write(layouts.without_loaders(layouts.of_kind(kind)), folder / "medium")
    monkeypatch.setattr(sys, "argv", [
        "twinboot", "import", str(medium), "--add", "--unchecked", *words, "--name", "mine.1",
        "--trees", str(trees), "--site", str(site_file),
    ])  # fmt: skip
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert not ended.value.code
    return media.imported(trees, site_file)


def kept_whole(kind: str) -> bool:
    """Its tree holds the ISO itself, so that no folder is taken."""
    medium, wish = layouts.Image(layouts.of_kind(kind)), layouts.WISHES.get(kind, MediaOptions())
    return bool(recognise(medium, wish).whole_as)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", [one for one in INSTALLERS.names() if not kept_whole(one)])
def test_every_machine_of_the_site_installs_the_medium(
    kind: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found = imported(monkeypatch, tmp_path, kind)
    (tmp_path / "lab.yaml").write_text(labsite.dump(found.site))
    site = parse(labsite.prepare(tmp_path / "lab.yaml", 2))
    assert {one.profile for one in site.hosts.values()} == {"mine-1"}
    assert [one.profile for one in site.subnets] == ["mine-1"]
    assert site.profiles["mine-1"].installer == found.manifest.kind == kind
    assert check_files(site, found.trees, (labsite.ROOT / "config/templates",)) == []
    assert found.boot_bytes + found.rest_bytes == sum(one.size for one in found.manifest.files)
    assert found.boot_bytes > 0
    assert found.memory_mb == 4096


def test_a_medium_that_is_loaded_whole_wants_twice_its_size_in_memory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found = imported(monkeypatch, tmp_path, "custom")
    whole = File("medium.iso", 3_000_000_000, 0, "0" * 64)
    more = replace(found, manifest=replace(found.manifest, files=(whole,)))
    assert more.memory_mb == 2 * 3000 + 2048


def test_what_is_called() -> None:
    call = media.Call(Path("/a b/x.iso"), Path("/n.tar.gz"), "k", ("one", "two"))
    assert list(call.words()) == [
        "import", "/mnt/medium", "--add", "--netboot", "/mnt/netboot", "--kernel", "k", "--initrd", "one",
        "--initrd", "two",
    ]  # fmt: skip
    assert "/a b/x.iso:/mnt/medium:ro" in list(call.mounts())
    with pytest.raises(LabError, match="not there"):
        media.import_medium(call, print)


def test_every_kind_says_what_a_person_must_look_at() -> None:
    for kind in INSTALLERS.all():
        assert media.look_at(kind.name), kind.name
