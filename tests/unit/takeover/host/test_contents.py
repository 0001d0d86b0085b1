"""What is known of published files' content: by a manifest where the file is as it says, else by reading."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from treesmade import a_medium, imported
from twinboot.takeover.host.published.contents import SMALL_BYTES, Contents
from twinboot.takeover.host.published.tree import PublishedTree
from twinboot.takeover.logic.file_facts import CONTENT_BYTES, FileFacts
from twinboot.tree_sync.host.checks import Checks

FILES = {"p/one": b"one", "p/two": b"two"}


def digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()[:CONTENT_BYTES]


class Server:
    """A published tree, and a file that is in none."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.trees = folder, folder / "root/trees"
        self.trees.mkdir(parents=True)
        self.paused: list[float] = []
        self.contents = Contents(self.trees, self.paused.append)
        self.published = PublishedTree(folder / "root", self.contents)
        self.of(FILES)

    def of(self, files: dict[str, bytes], **more: object) -> None:
        """The tree is imported."""
        boot = a_medium(self.folder / "cd", files)
        imported(self.folder / "cd", self.trees, name="t", boot=boot, **more)
        self.contents.refresh()

    @property
    def one(self) -> Path:
        return self.trees / "t/p/one"

    def knows(self, path: str = "trees/t/p/one") -> bytes:
        found = self.published.file_facts(path.encode())
        assert found is not None
        return found.content


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path)
    yield made
    made.published.close()


def test_a_manifest_vouches_for_a_file_of_its_size_and_time(server: Server) -> None:
    assert server.knows() == digest(b"one")
    assert not server.paused, "nothing of it was read"
    found = server.published.file_facts(b"trees/t/p/one")
    assert found == FileFacts(3, int(server.one.stat().st_mtime), digest(b"one"))
    (server.trees / "alias").symlink_to("t/p")
    assert server.knows("trees/alias/two") == digest(b"two")


def test_a_file_that_was_touched_is_known_when_it_was_read(server: Server) -> None:
    os.utime(server.one, (5, 5))
    assert server.knows() == b""
    server.contents.refresh()
    assert server.knows() == digest(b"one")
    assert server.paused, "slowly"
    times = len(server.paused)
    server.contents.refresh()
    assert len(server.paused) == times, "and once"


def test_a_file_that_was_edited_is_known_as_it_is(server: Server) -> None:
    server.one.write_bytes(b"ONE")
    os.utime(server.one, (5, 5))
    server.contents.refresh()
    assert server.knows() == digest(b"ONE")
    server.one.write_bytes(b"One")
    os.utime(server.one, (5, 5))
    assert server.knows() == b"", "its inode says that it is another state"
    server.one.write_bytes(b"longer")
    server.contents.refresh()
    assert server.knows() == b""


def test_a_file_with_another_time_alone_is_none_that_is_altered(server: Server) -> None:
    """The scheduled reading names it; it is right all the same."""
    os.utime(server.one, (5, 5))
    Checks(server.trees, lambda _: None, lambda: 1.0).check("t")
    assert server.published.file_facts(b"trees/t/p/one") is None
    server.contents.refresh()
    assert server.knows() == digest(b"one")
    server.one.write_bytes(b"ONE")
    server.contents.refresh()
    assert server.published.file_facts(b"trees/t/p/one") is None, "other bytes are not"


def test_a_tree_that_took_anothers_place_is_known_when_its_manifest_was_read(server: Server) -> None:
    boot = a_medium(server.folder / "cd", {"p/one": b"new"})
    os.utime(server.folder / "cd/p/one", ns=(0, server.one.stat().st_mtime_ns))
    imported(server.folder / "cd", server.trees, name="t", boot=boot, replace=True)
    assert server.knows() == b"", "of the manifest before nothing is believed"
    server.contents.refresh()
    assert server.knows() == digest(b"new")


@pytest.mark.parametrize("damage", ["", "{}", None])
def test_a_tree_without_a_manifest_is_known_by_size_and_time(server: Server, damage: str | None) -> None:
    manifest = server.trees / "t/.twinboot.json"
    if damage is None:
        manifest.unlink()
    else:
        manifest.write_text(damage)
    server.contents.refresh()
    assert server.knows() == b""


def test_small_files_outside_of_trees_are_read(server: Server) -> None:
    site = server.folder / "root/site"
    site.mkdir()
    (site / "host.ks").write_bytes(b"lang en\n")
    assert server.knows("site/host.ks") == digest(b"lang en\n")
    (site / "host.ks").write_bytes(b"lang de\n")
    assert server.knows("site/host.ks") == digest(b"lang de\n")
    (site / "big").write_bytes(bytes(SMALL_BYTES + 1))
    assert server.knows("site/big") == b""
