"""What servers tell each other of a tree: names and sizes, and the manifest's digest."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from twinboot.trees.facts import TreeFacts, facts_of, look_at
from twinboot.trees.manifest import FILE_NAME, File, Manifest, encode


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    made = tmp_path / "tree"
    (made / "Packages").mkdir(parents=True)
    (made / "Packages/a b.rpm").write_bytes(b"rpm")
    (made / ".treeinfo").write_text("[general]\n")
    (made / "link").symlink_to("Packages")
    for path in made.rglob("*"):
        os.utime(path, (1_700_000_000,) * 2, follow_symlinks=False)
    return made


def imported(tree: Path, *, links: bool = True) -> TreeFacts:
    """With a manifest of what is there; its digests are none, for nobody reads the files here."""
    files = tuple(
        File(str(path.relative_to(tree)), path.stat().st_size, int(path.stat().st_mtime), "0" * 64)
        for path in sorted(tree.rglob("*"))
        if path.is_file() and not path.is_symlink() and path.name != FILE_NAME
    )  # fmt: skip
    head = ("n", "kickstart", "d", "9", "x86_64", "k", ("i",), "s", "l", "t", "i", "m")
    manifest = Manifest(*head, files, {"link": "Packages"} if links else {})  # type: ignore[arg-type]
    (tree / FILE_NAME).write_text(encode(manifest))
    found = look_at(tree)
    assert found is not None
    return found


def there(tree: Path) -> TreeFacts:
    found = look_at(tree)
    assert found is not None
    return found


def test_names_and_sizes_make_the_shape_and_times_do_not(tree: Path) -> None:
    before = there(tree)
    assert (before.files, before.size, before.contents) == (2, 13, "")
    os.utime(tree / ".treeinfo", (1, 1))
    assert there(tree) == before
    (tree / "Packages/a b.rpm").write_bytes(b"longer")
    assert not there(tree).same_as(before)
    (tree / "Packages/a b.rpm").write_bytes(b"rpm")
    assert there(tree).same_as(before)
    (tree / "link").unlink()
    (tree / "link").symlink_to("Elsewhere")
    assert not there(tree).same_as(before)


def test_one_with_a_manifest_is_like_one_that_was_copied_without_it(tree: Path) -> None:
    before = there(tree)
    after = imported(tree)
    assert (after.altered, after.shape) == (0, before.shape)
    assert after.contents
    assert after.same_as(before)
    assert before.same_as(after)


def test_manifests_that_differ_are_other_trees_though_names_and_sizes_are_equal(tree: Path) -> None:
    one = imported(tree)
    os.utime(tree / ".treeinfo", (5, 5))
    other = imported(tree)
    assert other.shape == one.shape
    assert not other.same_as(one), "a file of another import may have other bytes"


def test_a_file_that_is_not_as_imported_is_named(tree: Path) -> None:
    one = imported(tree)
    (tree / "Packages/a b.rpm").write_bytes(b"rotten")
    (tree / "added").touch()
    found = there(tree)
    assert found.altered == 2
    assert found.first.split(":")[0] in ("Packages/a b.rpm", "added")
    assert not found.same_as(one)


def test_what_is_no_tree(tmp_path: Path) -> None:
    assert look_at(tmp_path / "nothing") is None


def test_a_peer_of_another_release_tells_more_or_less() -> None:
    facts = TreeFacts("s", "c", 1, 2, 0, "")
    assert facts_of({**facts.document(), "later": [1]}) == facts
    assert facts_of({"shape": "s"}) == TreeFacts("s")
    for wrong in ({}, {"shape": 1}, {"shape": "s", "files": "1"}, {"shape": "s", "files": True}):
        assert facts_of(wrong) is None
