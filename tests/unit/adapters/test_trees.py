"""A file of an install tree as clients get it, judged by modes: who runs this may read everything."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from twinboot.adapters import trees

NAME = "rh9/images/vmlinuz"


@pytest.fixture
def top(tmp_path: Path) -> Iterator[Path]:
    before = os.umask(0o022)
    (tmp_path / "trees/rh9/images").mkdir(parents=True)
    (tmp_path / "trees" / NAME).write_text("x")
    yield tmp_path / "trees"
    os.umask(before)


def test_a_file_that_is_open_on_its_whole_way(top: Path) -> None:
    assert trees.reason_not_served(top, NAME) == ""


@pytest.mark.parametrize("place", [".", "rh9", "rh9/images", NAME])
def test_a_mode_that_keeps_clients_out_is_named_with_its_place(top: Path, place: str) -> None:
    (top / place).chmod(0o750 if (top / place).is_dir() else 0o640)
    said = trees.reason_not_served(top, NAME)
    assert said.startswith("the trees folder:" if place == "." else f"{place}: mode")


def test_what_is_not_there_is_empty_or_no_file(top: Path) -> None:
    assert trees.reason_not_served(top, "rh8/vmlinuz") == "rh8: no such file or directory"
    assert trees.reason_not_served(top, "rh9/images") == "rh9/images: not a file"
    (top / NAME).write_text("")
    assert trees.reason_not_served(top, NAME) == f"{NAME}: is empty"
    (top / NAME).unlink()
    (top / NAME).symlink_to("/nowhere")
    assert "no such file" in trees.reason_not_served(top, NAME)


LINE = "700 600 8:1 /srv/trees {place} ro,relatime {optional}- ext4 /dev/sda1 rw\n"


@pytest.mark.parametrize(
    ("mounts", "follows"),
    [
        ((("/srv/trees", ""),), False),
        ((("/srv/trees", "master:5 "),), True),
        ((("/srv/trees", "shared:7 master:5 "),), True),
        ((("/srv/trees", "unbindable "),), False),
        ((("/srv", "master:5 "),), None),
        ((("/srv/trees", ""), ("/srv/trees", "master:5 ")), True),
        ((("/srv/trees", "master:5 "), ("/srv/trees/rh9", "")), True),
    ],
)
def test_whether_later_mounts_are_seen(
    mounts: tuple[tuple[str, str], ...], follows: bool | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    text = "".join(LINE.format(place=place, optional=optional) for place, optional in mounts)
    (tmp_path / "mountinfo").write_text(text)
    monkeypatch.setattr(trees, "_MOUNTINFO", tmp_path / "mountinfo")
    assert trees.follows_mounts(Path("/srv/trees")) is follows
