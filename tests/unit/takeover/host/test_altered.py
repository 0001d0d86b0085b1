"""A file whose content is known to be another one than it should be is none that a download goes on with."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from treesmade import a_medium, imported
from twinboot.takeover.host.published.tree import PublishedTree
from twinboot.tree_sync.host.checks import Checks

FILES = {f"p/{number}": b"x" * number for number in range(1, 40)}


class Server:
    """A published tree, and what reads it again."""

    def __init__(self, folder: Path) -> None:
        self.trees = folder / "root/trees"
        self.trees.mkdir(parents=True)
        boot = a_medium(folder / "cd", FILES)
        imported(folder / "cd", self.trees, name="t", boot=boot)
        (self.trees / "alias").symlink_to("t")
        self.published = PublishedTree(folder / "root")
        self.checks = Checks(self.trees, lambda _: None, lambda: 1.0)

    def write(self, path: str, data: bytes) -> None:
        place = self.trees / "t" / path
        state = place.stat()
        place.write_bytes(data)
        os.utime(place, ns=(state.st_atime_ns, state.st_mtime_ns))
        self.checks.check("t")

    def knows(self, path: str) -> bool:
        return self.published.file_facts(f"trees/{path}".encode()) is not None


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path)
    yield made
    made.published.close()


def test_the_altered_file_alone_by_whatever_way(server: Server) -> None:
    assert server.knows("t/p/9")
    server.write("p/9", b"X" * 9)
    assert not server.knows("t/p/9")
    assert not server.knows("alias/p/9")
    assert server.knows("t/p/8")
    server.write("p/9", b"x" * 9)
    assert server.knows("t/p/9"), "it is right again"


def test_of_many_altered_ones_not_all_are_named_so_none_is_trusted(server: Server) -> None:
    for number in range(1, 40):
        (server.trees / f"t/p/{number}").write_bytes(b"Y" * number)
    server.checks.check("t")
    assert not server.knows("t/kernel")


@pytest.mark.parametrize(
    "text", ["", "7", "{", '{"t": {}}', '{"t": {"altered": {"count": "x", "paths": []}}}']
)
def test_a_file_of_another_form_says_nothing(server: Server, text: str) -> None:
    (server.trees / ".twinboot/checked").write_text(text)
    assert server.knows("t/p/9")


def test_what_is_written_is_what_is_read(server: Server) -> None:
    server.write("p/9", b"X" * 9)
    document = json.loads((server.trees / ".twinboot/checked").read_text())
    assert document["t"]["altered"]["paths"] == ["p/9"]
