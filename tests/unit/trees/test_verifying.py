"""A tree is compared with its manifest: whatever was done to it is named."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from treesmade import a_medium, imported
from twinboot.trees.verifying import Difference, added, verify


def _touch(tree: Path) -> None:
    os.utime(tree / "one", (5, 5))


def _same_size(tree: Path) -> None:
    state = (tree / "one").stat()
    (tree / "one").write_bytes(b"ONE")
    os.utime(tree / "one", ns=(state.st_mtime_ns, state.st_mtime_ns))


def _to_folder(tree: Path) -> None:
    (tree / "one").unlink()
    (tree / "one").mkdir()


@pytest.mark.parametrize(("change", "expected"), [
    (lambda tree: (tree / "one").write_bytes(b"longer"), [("one", Difference.CHANGED)]),
    (_same_size, [("one", Difference.CHANGED)]),
    (_touch, [("one", Difference.TIME)]),
    (lambda tree: (tree / "one").unlink(), [("one", Difference.MISSING)]),
    (lambda tree: (tree / "link").unlink(), [("link", Difference.MISSING)]),
    (lambda tree: (tree / "sub/a b").rename(tree / "sub/new"),
     [("sub/new", Difference.ADDED), ("sub/a b", Difference.MISSING)]),
    (lambda tree: (tree / "newlink").symlink_to("one"), [("newlink", Difference.ADDED)]),
    (lambda tree: os.replace(os.symlink("sub/a b", tree / "x") or tree / "x", tree / "one"),
     [("one", Difference.CHANGED)]),
    (lambda tree: os.replace(os.symlink("sub", tree / "x") or tree / "x", tree / "link"),
     [("link", Difference.CHANGED)]),
    (_to_folder, [("one", Difference.MISSING)]),
])  # fmt: skip
def test_each_change_is_named(
    tmp_path: Path, trees: Path, change: Callable[[Path], object], expected: list[tuple[str, Difference]]
) -> None:
    wish = a_medium(tmp_path / "medium", {"one": b"one", "sub/a b": b"two"})
    (tmp_path / "medium/link").symlink_to("one")
    manifest = imported(tmp_path / "medium", trees, boot=wish, name="t")
    tree = trees / "t"
    assert list(verify(tree, manifest)) == []
    change(tree)
    assert [(one.path, one.difference) for one in verify(tree, manifest)] == expected
    assert added(tree, manifest) == [path for path, what in expected if what is Difference.ADDED]
