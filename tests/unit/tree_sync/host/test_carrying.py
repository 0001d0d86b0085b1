"""A tree that is fetched from another server: whole or not at all, whatever comes in between."""

from __future__ import annotations

import errno
import json
import os
import random
from pathlib import Path
from typing import Any

import pytest
from treeservers import FolderClient, own, world
from treesmade import Killed, a_medium, imported, published
from twinboot.installers.media import MediaOptions
from twinboot.tree_sync.host.carrying import Carrier
from twinboot.tree_sync.logic.jobs import Begin, Fetch, Job, JobOutcome, Publish, Remove, Result
from twinboot.tree_sync.logic.model import Removal
from twinboot.tree_sync.logic.sync import Sync
from twinboot.trees import removals
from twinboot.trees import tree_store as places
from twinboot.trees.manifest import FILE_NAME, File, Manifest, decode, encode
from twinboot.trees.tree_store import FETCH, TreeStore
from twinboot.trees.verifying import verify

DRAW = random.Random(14)
FILES = {
    "a b/ü.rpm": DRAW.randbytes(5_500), "empty": b"", "images/stage2.img": DRAW.randbytes(20_000),
    **{f"packages/{number}.rpm": DRAW.randbytes(300 * number) for number in range(12)},
}  # fmt: skip


class Site:
    """This server, and others that have trees."""

    def __init__(self, folder: Path, *others: str) -> None:
        self.trees = folder / "here"
        self.peers = {name: folder / name for name in others or ("server2",)}
        for place in (self.trees, *self.peers.values()):
            place.mkdir()
        self.client = FolderClient(self.peers)
        self.sync, self.now = Sync(), 0.0
        self.results: list[tuple[Job, Result]] = []
        self.down: tuple[str, ...] = ()
        self.used: tuple[str, ...] = ()
        self.begin_anew()

    def begin_anew(self) -> None:
        """As after a start of the process; what the last one held is let go of."""
        if hasattr(self, "carrier"):
            self.carrier.close()
        self.carrier = Carrier(self.trees, lambda _size, _came: None, self.client)  # type: ignore[arg-type]
        self.sync = Sync()

    def imported(self, server: str, name: str = "t", files: dict[str, bytes] | None = None,
                 **more: Any) -> Manifest:
        medium = self.trees.parent / f"medium-{server}-{len(list(self.trees.parent.iterdir()))}"
        boot = a_medium(medium, FILES if files is None else files)
        top = self.peers.get(server, self.trees)
        return imported(medium, top, name=name, boot=boot, **more)

    def run(self) -> None:
        """For five minutes, in which a job takes no time."""
        until = self.now + 300.0
        for _ in range(1000):
            self.learn()
            job = self.sync.next(self.now)
            if job is None:
                self.now += 10.0
                if self.now > until:
                    return
                continue
            result = self.carrier.carry_out(job)
            self.results.append((job, result))
            self.sync.ended(job, result, self.now)
        raise AssertionError(f"it does not end: {self.results[-3:]}")

    def learn(self) -> None:
        self.sync.learn(world(self.peers, used=self.used, down=self.down), own(self.trees), self.now)

    @property
    def outcomes(self) -> list[JobOutcome]:
        return [result.outcome for _, result in self.results if result.outcome is not JobOutcome.DONE]

    def is_whole(self, name: str = "t", server: str = "server2") -> bool:
        there, here = self.peers[server] / name, self.trees / name
        manifest = decode((here / FILE_NAME).read_text())
        return published(here) == published(there) and not list(verify(here, manifest)) \
            and (here / FILE_NAME).read_bytes() == (there / FILE_NAME).read_bytes()


@pytest.fixture
def site(folder: Path) -> Site:
    return Site(folder)


def times(tree: Path) -> dict[str, int]:
    """Listings show them."""
    return {str(one.relative_to(tree)): one.stat().st_mtime_ns for one in (tree, *tree.rglob("*"))}


def test_what_is_lacking_is_fetched_with_times_and_manifest(site: Site) -> None:
    site.imported("server2")
    site.run()
    assert site.is_whole()
    assert site.outcomes == []
    assert sorted(os.listdir(site.trees / ".twinboot")) == []
    assert (site.trees / "t/images/stage2.img").stat().st_mode & 0o777 == 0o644
    assert times(site.trees / "t") == times(site.peers["server2"] / "t"), "of folders and manifest, too"


def test_a_cut_file_goes_on_at_its_byte_from_another_server(folder: Path) -> None:
    site = Site(folder, "server2", "server3")
    site.imported("server2")
    site.imported("server3")
    site.client.cut = 20_000
    site.run()
    assert site.is_whole()
    assert JobOutcome.CUT in site.outcomes
    late = [start for _, _, start in site.client.asked if start]
    assert len(late) == 1
    assert {address for address, *_ in site.client.asked} == {"server2", "server3"}


@pytest.mark.parametrize("seed", range(25))
def test_it_goes_on_after_being_killed_at_any_moment(folder: Path, seed: int) -> None:
    """In a file, or at any rename: the process is gone, the disk stays."""
    site, draw = Site(folder), random.Random(seed)
    site.imported("server2")
    for _ in range(4):
        left = [draw.randrange(1, 70)]

        def count(left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] == 0:
                raise Killed

        site.client.before_piece = count
        try:
            site.run()
        except Killed:
            assert not (site.trees / "t").exists() or site.is_whole()
            site.begin_anew()
    site.client.before_piece = lambda: None
    site.begin_anew()
    site.run()
    assert site.is_whole()


def test_the_old_one_stays_until_the_one_that_took_its_place_is_whole(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.imported("server2")
    site.run()
    newer = {**FILES, "images/stage2.img": b"newer"}
    site.imported("server2", files=newer, replace=True)
    old = published(site.trees / "t")
    rename, left = places._renameat2, 0

    def killed(*words: Any) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise Killed
        rename(*words)

    monkeypatch.setattr(places, "_renameat2", killed)
    for at in range(1, 5):
        left = at
        site.begin_anew()
        try:
            site.run()
        except Killed:
            found = published(site.trees / "t")
            assert found in (old, published(site.peers["server2"] / "t"))
    monkeypatch.undo()
    site.begin_anew()
    site.run()
    assert site.is_whole()


def newer(site: Site) -> None:
    """The other server imports its medium again, with one file changed."""
    medium = next(one for one in site.trees.parent.iterdir() if one.name.startswith("medium-server2"))
    (medium / "images/stage2.img").write_bytes(b"newer")
    imported(medium, site.peers["server2"], name="t", boot=MediaOptions("kernel"), replace=True)


def test_of_a_newer_one_only_what_is_new_is_fetched(site: Site) -> None:
    site.imported("server2")
    site.run()
    rotten = site.trees / "t/packages/9.rpm"
    state = rotten.stat()
    rotten.write_bytes(b"R" * state.st_size)
    os.utime(rotten, ns=(state.st_atime_ns, state.st_mtime_ns))
    newer(site)
    site.client.asked.clear()
    site.run()
    assert site.is_whole()
    asked = {path.removeprefix("/trees/t/") for _, path, _ in site.client.asked}
    assert asked == {FILE_NAME, "images/stage2.img", "packages/9.rpm"}


def test_the_published_tree_is_not_written_through_a_file_that_it_shares(site: Site) -> None:
    site.imported("server2")
    site.run()
    newer(site)
    site.learn()
    job = site.sync.next(site.now)
    assert isinstance(job, Begin)
    site.carrier.carry_out(job)
    place = site.trees / "t/kernel"
    place.write_bytes(b"Kernel")  # somebody edits the tree that is about to go
    site.begin_anew()
    while not isinstance(job, Publish):
        site.learn()
        job = site.sync.next(site.now)
        assert job is not None
        assert place.read_bytes() == b"Kernel"
        site.sync.ended(job, site.carrier.carry_out(job), site.now)
    assert site.is_whole()


def test_another_one_of_the_same_name_is_not_fetched_over(site: Site) -> None:
    site.imported("server2")
    site.imported("here", files={"mine": b"mine"})
    before = published(site.trees / "t")
    site.run()
    assert published(site.trees / "t") == before
    assert site.results == []


def test_a_folder_that_was_not_imported_is_left_alone(site: Site) -> None:
    site.imported("server2")
    (site.trees / "t").mkdir()
    site.run()
    assert list((site.trees / "t").iterdir()) == []
    assert site.results == []


def test_what_was_changed_on_the_way_counts_for_nothing(site: Site) -> None:
    site.imported("server2")
    site.client.forge = lambda path, piece: b"X" * len(piece) if path.endswith("/5.rpm") else piece
    site.run()
    assert not (site.trees / "t").exists()
    assert site.outcomes == [JobOutcome.WRONG]
    assert "packages/5.rpm" in site.sync.faults(site.now)["t"]
    site.client.forge = lambda _path, piece: piece
    site.now += 3600.0
    site.run()
    assert site.is_whole()
    assert site.sync.faults(site.now) == {}


def test_another_way_is_tried_before_a_server_is_given_up(folder: Path) -> None:
    site = Site(folder, "server2", "server3")
    site.imported("server2")
    site.imported("server3")
    rotten = site.peers["server2"] / "t/packages/3.rpm"
    state = rotten.stat()
    rotten.write_bytes(b"R" * state.st_size)
    os.utime(rotten, ns=(state.st_atime_ns, state.st_mtime_ns))
    site.run()
    assert site.is_whole(server="server3") or published(site.trees / "t") == published(
        site.peers["server3"] / "t")
    assert site.outcomes == [JobOutcome.WRONG]
    assert "server2" in site.sync.faults(site.now)["t"]


def _manifest_with(site: Site, **changes: Any) -> None:
    """The other server's manifest is another one, made as it should be: its digest is right."""
    from dataclasses import replace

    place = site.peers["server2"] / "t" / FILE_NAME
    place.write_text(encode(replace(decode(place.read_text()), **changes)))


DIGITS = "0" * 64
LINKED = {"link": "/etc/passwd"}


@pytest.mark.parametrize(("changes", "word"), [
    ({"links": LINKED}, "link"), ({"links": {"a/b": "../../x"}}, "link"),
    ({"links": {"x/y": ".", "z": "x/y/../.."}}, "link"),
    ({"files": (File("a", 1, 0, DIGITS), File("a", 1, 0, DIGITS))}, "twice"),
    ({"files": (File("a", 1, 0, DIGITS), File("a/b", 1, 0, DIGITS))}, "folder"),
    ({"files": (File(FILE_NAME, 1, 0, DIGITS),)}, "own file"),
    ({"files": (File("n" * 300, 1, 0, DIGITS),)}, "too long"),
    ({"files": (File("a", 1, 1 << 60, DIGITS),)}, "time"),
    ({"files": (File("a", 1 << 60, 0, DIGITS),)}, "size"),
    ({"files": (File("\ud800", 1, 0, DIGITS),)}, "no file can have"),
])  # fmt: skip
def test_an_impossible_manifest_is_refused_before_anything_is_made(
    site: Site, changes: dict[str, Any], word: str
) -> None:
    site.imported("server2")
    _manifest_with(site, **changes)
    site.run()
    assert site.outcomes == [JobOutcome.WRONG]
    assert word in site.results[0][1].text
    assert list(site.trees.iterdir()) == []


@pytest.mark.parametrize("path", ["../out", "/etc/passwd", "a/../../b", ""])
def test_paths_out_of_the_tree_are_refused(site: Site, path: str) -> None:
    """Those the format itself refuses."""
    from twinboot.trees import manifest as module

    site.imported("server2")
    place = site.peers["server2"] / "t" / FILE_NAME
    document = json.loads(place.read_text())
    document["files"][0]["path"] = path
    document.pop("digest")
    known = world(site.peers)
    place.write_text(json.dumps(document | {"digest": module._digest(document)}))
    site.sync.learn(known, own(site.trees), 0.0)
    job = site.sync.next(0.0)
    assert isinstance(job, Begin)
    result = site.carrier.carry_out(job)
    assert result.outcome is JobOutcome.WRONG
    assert list(site.trees.iterdir()) == []


def test_a_manifest_that_was_not_told_of_is_refused(site: Site) -> None:
    site.imported("server2")
    known = world(site.peers)
    _manifest_with(site, label="forged")
    site.sync.learn(known, own(site.trees), 0.0)
    job = site.sync.next(0.0)
    assert job is not None
    result = site.carrier.carry_out(job)
    assert result.outcome is JobOutcome.WRONG
    assert "told of" in result.text


def test_a_server_that_lies_about_sizes_fills_nothing(site: Site) -> None:
    site.imported("server2")
    known = world(site.peers)
    (site.peers["server2"] / "t/packages/7.rpm").write_bytes(b"x" * 500_000)
    for _ in range(60):
        site.sync.learn(known, own(site.trees), site.now)
        job = site.sync.next(site.now)
        if job is None:
            break
        result = site.carrier.carry_out(job)
        site.results.append((job, result))
        site.sync.ended(job, result, site.now)
    assert site.outcomes == [JobOutcome.WRONG]
    staged = site.trees / ".twinboot/t.fetching/packages/7.rpm"
    assert not staged.exists() or not staged.stat().st_size


def test_no_room_is_told_before_anything_comes(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    from twinboot.trees import free_space

    site.imported("server2")
    state = os.statvfs(site.trees)
    full = os.statvfs_result((*state[:4], 0, *state[5:]))
    monkeypatch.setattr(free_space.os, "statvfs", lambda _place: full)
    site.run()
    assert set(site.outcomes) == {JobOutcome.NO_ROOM}
    assert not [job for job, _ in site.results if isinstance(job, Fetch)]
    assert "lacking" in site.sync.faults(site.now)["t"]
    monkeypatch.undo()
    site.run()
    assert site.is_whole()
    assert site.sync.faults(site.now) == {}


def test_a_disk_that_fills_up_meanwhile_is_told_and_goes_on(site: Site) -> None:
    site.imported("server2")
    full = [True]

    def fill() -> None:
        if full[0] and len(site.client.asked) > 5:
            raise OSError(errno.ENOSPC, "No space left on device")

    site.client.before_piece = fill
    site.run()
    assert JobOutcome.NO_ROOM in site.outcomes
    full[0] = False
    site.run()
    assert site.is_whole()


def test_what_was_removed_here_is_not_fetched_again(site: Site) -> None:
    made = site.imported("server2")
    removals.note(TreeStore(site.trees), removals.Removed("t", (decode(encode(made)).digest,), made.contents,
                                                      everywhere=False, at=0))  # fmt: skip
    site.run()
    assert site.results == []
    removals.forget(TreeStore(site.trees), "t")
    site.run()
    assert site.is_whole()


def test_what_was_removed_everywhere_goes_here_too_and_a_new_import_comes(site: Site) -> None:
    made = decode(encode(site.imported("server2")))
    site.run()
    there = TreeStore(site.peers["server2"])
    there.take_away("t")
    removals.note(there, removals.Removed("t", (made.digest,), made.contents, everywhere=True, at=0))
    site.used = ("t",)
    site.run()
    assert (site.trees / "t").is_dir()
    assert "removed" in site.sync.faults(site.now)["t"]
    site.used = ()
    site.run()
    assert not (site.trees / "t").exists()
    assert [type(job) for job, _ in site.results][-1] is Remove
    site.imported("server2")
    site.run()
    assert site.is_whole()


def test_a_tree_with_files_of_somebody_else_is_not_removed(site: Site) -> None:
    site.imported("server2")
    site.run()
    (site.trees / "t/notes.txt").write_text("mine")
    digest = own(site.trees).trees["t"].digest  # type: ignore[union-attr]
    result = site.carrier.carry_out(Remove(Removal("t", (digest,), everywhere=True), digest))
    assert result.outcome is JobOutcome.REFUSED
    assert "notes.txt" in result.text
    assert (site.trees / "t/notes.txt").exists()


def test_an_unfinished_import_of_the_same_name_stays(site: Site) -> None:
    medium = site.trees.parent / "cd"
    boot = a_medium(medium, {"big": b"x" * 9_000, "one": b"1"})
    from treesmade import Quiet

    with pytest.raises(Killed):
        imported(medium, site.trees, Quiet(after=3_000), name="t", boot=boot)
    left = published(TreeStore(site.trees).importing("t"))
    site.imported("server2")
    site.run()
    assert site.is_whole()
    assert published(TreeStore(site.trees).importing("t")) == left


def test_somebody_who_imports_it_meanwhile_has_the_tree(site: Site) -> None:
    site.imported("server2")
    with TreeStore(site.trees).locked("t"):
        site.run()
    assert set(site.outcomes) == {JobOutcome.BUSY}
    assert site.sync.faults(site.now) == {}


def test_a_file_that_changes_while_it_is_fetched_ends_in_a_fault(site: Site) -> None:
    """A disk that keeps no times, say."""
    site.imported("server2")
    place = TreeStore(site.trees, FETCH)
    for _ in range(400):
        site.learn()
        job = site.sync.next(site.now)
        if job is None:
            break
        if isinstance(job, Publish):
            os.utime(place.importing("t") / "kernel", (1, 1))
        result = site.carrier.carry_out(job)
        site.sync.ended(job, result, site.now)
    assert "change" in site.sync.faults(site.now)["t"]
    assert not (site.trees / "t").exists()
    site.now += 100.0
    site.run()
    assert site.is_whole()
