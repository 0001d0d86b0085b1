"""From a folder to a published tree: what it holds, and what is left when the process ends in between."""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import medialayouts as layouts
import pytest
from treesmade import Killed, Quiet, a_medium, imported, published
from twinboot.trees import copying
from twinboot.trees.free_space import NoRoomError, check_room
from twinboot.trees.manifest import FILE_NAME, decode
from twinboot.trees.media.contents import MediumError
from twinboot.trees.preparing import RefusedError, prepare
from twinboot.trees.reading import read_manifest
from twinboot.trees.tree_store import BusyError, TreeStore
from twinboot.trees.verifying import verify

FILES = {f"packages/file {number:02}.rpm": bytes([number]) * (40_000 * number) for number in range(12)}
ALL = FILES | {"kernel": b"kernel"}


@pytest.fixture
def medium(tmp_path: Path) -> Path:
    a_medium(tmp_path / "medium", FILES)
    return tmp_path / "medium"


def options(**more: Any) -> dict[str, Any]:
    from twinboot.installers.media import MediaOptions

    return {"boot": MediaOptions("kernel"), "name": "t", **more}


def test_a_medium_becomes_a_tree_with_a_manifest(tmp_path: Path, trees: Path) -> None:
    source = layouts.write(layouts.alma9(), tmp_path / "medium")
    os.utime(source / "images/install.img", (1714566339, 1714566339))
    manifest = imported(source, trees)
    tree = trees / "almalinux-9-4"
    assert published(tree) == published(source)
    assert decode((tree / FILE_NAME).read_text()) == manifest
    assert (manifest.kind, manifest.release, manifest.kernel) == (
        "kickstart",
        "RHEL9",
        "images/pxeboot/vmlinuz",
    )
    assert (tree / "images/install.img").stat().st_mtime_ns == 1714566339 * 10**9
    assert list(verify(tree, manifest)) == []
    assert [one.name for one in (trees / ".twinboot").iterdir()] == []


@pytest.mark.parametrize("limit", ["_FLUSHED_EACH", "_FILES_EACH"])
def test_the_disk_is_asked_for_every_file_while_the_others_are_written(
    medium: Path, trees: Path, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    """Not only at the end, when all of a big medium would wait for it."""
    asked: list[str] = []
    monkeypatch.setattr(copying, limit, 1)
    monkeypatch.setattr(copying, "_sync_file_range",
                        lambda fd, how: asked.append(Path(os.readlink(f"/proc/self/fd/{fd}")).name))
    before = len(os.listdir("/proc/self/fd"))
    imported(medium, trees, **options())
    assert set(asked) == {Path(path).name for path, content in ALL.items() if content}
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_disk_that_fails_ends_it_before_anything_is_published(
    medium: Path, trees: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(fd: int, how: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(copying, "_FLUSHED_EACH", 1)
    monkeypatch.setattr(copying, "_sync_file_range", fails)
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(OSError, match="Input/output error"):
        imported(medium, trees, **options())
    assert not (trees / "t").exists()
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_disk_that_takes_no_more_ends_it_and_nothing_is_written_afterwards(
    tmp_path: Path, trees: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file has many pieces then, and those behind the one that failed wait to be written."""
    a_medium(tmp_path / "medium", {"big": bytes(8 << 20)})
    written: list[int] = []

    def pwrite(fd: int, piece: memoryview, at: int) -> int:
        written.append(fd)
        if at >= 1 << 20:
            raise OSError(errno.ENOSPC, "No space left on device")
        return len(piece)

    monkeypatch.setattr(os, "pwrite", pwrite)
    with pytest.raises(OSError, match="No space left"):
        imported(tmp_path / "medium", trees, **options())
    count = len(written)
    time.sleep(0.05)
    assert len(written) == count
    assert not (trees / "t").exists()


def test_everything_is_open_to_all_whatever_the_umask_and_the_medium(medium: Path, trees: Path) -> None:
    for path in medium.rglob("*"):
        path.chmod(0o500 if path.is_dir() else 0o400)
    (trees / ".twinboot").mkdir(mode=0o755)
    before = os.umask(0o077)
    try:
        imported(medium, trees, **options())
    finally:
        os.umask(before)
    for path in (trees / "t", *(trees / "t").rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o755 if path.is_dir() else 0o644), path
    assert stat.S_IMODE((trees / ".twinboot").stat().st_mode) == 0o700


def test_links_stay_links_and_those_that_lead_out_are_left_out(medium: Path, trees: Path) -> None:
    for name, target in {
        "inside": "packages/file 01.rpm", "self": ".", "dangling": "not/there", "absolute": "/etc/passwd",
        "out": "../../etc/passwd", "packages/up": "../kernel", "round": "self/self/../../etc/passwd",
        "a": "b", "b": "a",
    }.items():  # fmt: skip
        (medium / name).symlink_to(target)
    os.mkfifo(medium / "pipe")
    work = prepare_of(medium, trees)
    manifest = imported(medium, trees, **options())
    kept = {
        "inside": "packages/file 01.rpm",
        "self": ".",
        "dangling": "not/there",
        "packages/up": "../kernel",
    }
    assert manifest.links == kept
    assert {path.name for path in (trees / "t").rglob("*") if path.is_symlink()} == {
        "inside",
        "self",
        "dangling",
        "up",
    }
    for name in ("absolute", "out", "round", "pipe", "a", "b"):
        assert any(note.startswith(f"{name} is left out") for note in work.notes), name


def prepare_of(medium: Path, trees: Path, **more: Any) -> Any:
    from treesmade import wishes

    return prepare(wishes(medium, **options(**more)), trees)


def every_kill(medium: Path, trees: Path) -> Iterator[tuple[str, Callable[[], None]]]:
    size = sum(map(len, ALL.values()))
    for after in range(0, size, size // 12):
        yield f"after {after} bytes", lambda at=after: imported(medium, trees, Quiet(at), **options())  # type: ignore[misc]
    for step in range(4):
        for before in (True, False):
            yield (
                f"rename {step}, before {before}",
                lambda at=step, early=before: imported(  # type: ignore[misc]
                    medium, trees, place=Ending(trees, at, before=early), **options()
                ),
            )


class Ending(TreeStore):
    """The process ends at the rename of this number."""

    def __init__(self, trees: Path, number: int, *, before: bool) -> None:
        super().__init__(trees)
        self._left, self._before = number, before

    def _rename(self, old: Path, new: Path) -> None:
        self._left -= 1
        if self._left < 0 and self._before:
            raise Killed
        super()._rename(old, new)
        if self._left < 0:
            raise Killed


def test_a_kill_at_any_moment_leaves_no_half_tree_and_the_next_call_ends_it(
    medium: Path, trees: Path
) -> None:
    killed = 0
    for what, call in every_kill(medium, trees):
        try:
            call()
        except Killed:
            killed += 1
        whole = read_manifest(trees / "t")
        assert not (trees / "t").exists() or (whole and not list(verify(trees / "t", whole))), what
        if whole is None:
            imported(medium, trees, **options())
        assert published(trees / "t") == ALL, what
        place = TreeStore(trees)
        with place.locked("t"):
            manifest = read_manifest(trees / "t")
            assert manifest
            place.recover("t", manifest.identity)
            place.take_away("t")
        assert [one.name for one in (trees / ".twinboot").iterdir()] == [], what
    assert killed > 12


def test_kill_after_kill_comes_to_an_end_without_copying_anything_twice(medium: Path, trees: Path) -> None:
    size, copied, calls = sum(map(len, ALL.values())), 0, 0
    while True:
        calls += 1
        progress = Only(size // 6)
        try:
            imported(medium, trees, progress, **options())
        except Killed:
            copied += progress.of_medium
            assert calls < 20
            continue
        copied += progress.of_medium
        break
    assert published(trees / "t") == ALL
    assert calls > 3
    largest = max(map(len, ALL.values()))
    assert size <= copied <= size + calls * largest  # at most the one file that each call was at


class Only(Quiet):
    """Ends the process when so much of the medium was read; what lies there already is not counted."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.of_medium, self._most = 0, most

    def advance(self, size: int) -> None:
        if self.begun[-1] == "copying":
            self.of_medium += size
            if self.of_medium > self._most:
                raise Killed


def test_what_was_written_is_looked_at_before_it_counts(medium: Path, trees: Path) -> None:
    """A journal that is ahead of the disk, as after a power-off; and somebody who edits."""
    with pytest.raises(Killed):
        imported(medium, trees, Quiet(sum(map(len, ALL.values())) - 1), **options())
    there = sorted((trees / ".twinboot/t.importing/packages").iterdir())
    state = there[5].stat()
    there[5].write_bytes(b"x" * state.st_size)
    os.utime(there[5], ns=(state.st_mtime_ns, state.st_mtime_ns))
    there[6].write_bytes(b"")
    there[7].write_bytes(there[7].read_bytes() + b"longer")
    there[0].parent.chmod(0o700)
    (trees / ".twinboot/t.importing/added").write_text("not of the medium")
    imported(medium, trees, **options())
    assert published(trees / "t") == ALL
    assert stat.S_IMODE((trees / "t/packages").stat().st_mode) == 0o755


def test_an_unfinished_import_of_another_medium_is_begun_anew(
    medium: Path, trees: Path, tmp_path: Path
) -> None:
    with pytest.raises(Killed):
        imported(medium, trees, Quiet(1_000_000), **options())
    a_medium(tmp_path / "other", {"new": b"new"})
    imported(tmp_path / "other", trees, **options())
    assert published(trees / "t") == {"new": b"new", "kernel": b"kernel"}


def test_two_imports_of_one_name_and_the_second_is_refused(medium: Path, trees: Path) -> None:
    with TreeStore(trees).locked("t"), pytest.raises(BusyError):
        imported(medium, trees, **options())
    imported(medium, trees, **options())


def test_a_tree_is_replaced_only_when_asked_and_only_by_a_whole_one(
    medium: Path, trees: Path, tmp_path: Path
) -> None:
    a_medium(tmp_path / "new", {"new": b"new" * 100_000})
    imported(medium, trees, **options())
    with pytest.raises(RefusedError, match="already"):
        imported(tmp_path / "new", trees, **options())
    new = {"new": b"new" * 100_000, "kernel": b"kernel"}
    for number in range(5):
        for before in (True, False):
            ended = False
            try:
                imported(
                    tmp_path / "new",
                    trees,
                    place=Ending(trees, number, before=before),
                    **options(replace=True),
                )
            except Killed:
                ended = True
            assert published(trees / "t") in (ALL, new)
            if ended and published(trees / "t") == new:
                after = imported_already(trees)
                assert after == [], (number, before)
            imported(tmp_path / "new", trees, **options(replace=True))
            assert published(trees / "t") == new
            imported(medium, trees, **options(replace=True))
            assert published(trees / "t") == ALL
            assert [one.name for one in (trees / ".twinboot").iterdir()] == [], (number, before, ended)


def imported_already(trees: Path) -> list[str]:
    """What a call that finds the tree published leaves in the working folder."""
    place, manifest = TreeStore(trees), read_manifest(trees / "t")
    assert manifest
    with place.locked("t"):
        place.recover("t", manifest.identity)
    return [one.name for one in (trees / ".twinboot").iterdir()]


def test_a_file_system_that_cannot_exchange_has_the_new_tree_after_a_kill_too(
    medium: Path, trees: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two renames, and between them there is no tree: the next call publishes what was ready (NFS)."""
    from twinboot.trees import tree_store as place_module

    real = place_module._renameat2

    def without_flags(old: Path, new: Path, flags: int) -> None:
        if flags == place_module._EXCHANGE:
            raise OSError(22, "Invalid argument")
        real(old, new, flags)

    monkeypatch.setattr(place_module, "_renameat2", without_flags)
    a_medium(tmp_path / "new", {"new": b"new"})
    new = {"new": b"new", "kernel": b"kernel"}
    for number in range(3):
        imported(medium, trees, **options(replace=(trees / "t").exists()))
        with pytest.raises(Killed):
            imported(
                tmp_path / "new", trees, place=Ending(trees, number, before=True), **options(replace=True)
            )
        imported(tmp_path / "new", trees, **options(replace=True))
        assert published(trees / "t") == new


def test_what_was_not_imported_is_not_replaced(medium: Path, trees: Path) -> None:
    (trees / "t").mkdir()
    (trees / "t/mine").write_text("copied by hand")
    with pytest.raises(RefusedError, match="not imported"):
        imported(medium, trees, **options(replace=True))
    (trees / "t/mine").rename(trees / "mine")
    (trees / "t").rmdir()
    imported(medium, trees, **options())
    (trees / "mine").rename(trees / "t/mine")
    with pytest.raises(RefusedError, match="mine"):
        imported(medium, trees, **options(replace=True))
    assert (trees / "t/mine").read_text() == "copied by hand"


@pytest.mark.parametrize("layout", [layouts.debian13(), layouts.leap15(), layouts.sles16(), layouts.alma9()])
def test_the_mediums_own_checksums_are_compared(layout: layouts.Layout, tmp_path: Path, trees: Path) -> None:
    source = layouts.write(layout, tmp_path / "medium")
    imported(source, trees, name="whole")
    damaged = next(path for path in layout if path.endswith(("initrd", "initrd.gz", "initrd.img")))
    (source / damaged).write_text("x" * len(layout[damaged]))
    with pytest.raises(RefusedError, match=damaged):
        imported(source, trees, name="damaged")
    assert not (trees / "damaged").exists()
    imported(source, trees, name="damaged", unchecked=True)
    (source / damaged).write_text(layout[damaged])
    imported(source, trees, name="mended")


def test_a_medium_that_lacks_what_its_list_names_is_refused(tmp_path: Path, trees: Path) -> None:
    source = layouts.write(layouts.debian13(), tmp_path / "medium")
    (source / "pool/main/b/bash/bash_5.2.deb").unlink()
    with pytest.raises(RefusedError, match="bash_5"):
        imported(source, trees)


def test_a_file_that_changes_meanwhile_is_told(medium: Path, trees: Path) -> None:
    work = prepare_of(medium, trees)
    (medium / "packages/file 03.rpm").write_bytes(b"shorter")
    from twinboot.trees import importing

    with pytest.raises(MediumError, match="file 03"):
        importing.run(work, TreeStore(trees), Quiet())


def test_the_trees_folder_is_not_imported_into_itself(medium: Path) -> None:
    (medium / "trees").mkdir()
    with pytest.raises(MediumError, match="trees folder"):
        imported(medium, medium / "trees", **options())


def test_room_is_looked_at_before_the_first_byte(medium: Path, trees: Path) -> None:
    work = prepare_of(medium, trees)
    check_room(trees, work.medium, work.files, work.size)
    with pytest.raises(NoRoomError, match="lacking"):
        check_room(trees, work.medium, work.files, 1 << 60)
