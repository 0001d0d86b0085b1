"""Files that rot or are edited are found, named, known after a restart, and forgotten when right again."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from treeservers import own
from treesmade import a_medium, imported
from twinboot.tree_sync.host.checks import Checks
from twinboot.tree_sync.logic.checking import Checked, due
from twinboot.tree_sync.logic.model import Own, Settings, Tree

DAY = 86_400.0


class Server:
    """Trees, and what reads them."""

    def __init__(self, folder: Path) -> None:
        self.trees = folder / "trees"
        self.trees.mkdir()
        boot = a_medium(folder / "cd", {"a": b"aaa", "b": b"bbb"})
        imported(folder / "cd", self.trees, name="t", boot=boot)
        self.read, self.time = 0, 1000.0
        self.begin_anew()

    def begin_anew(self) -> None:
        self.checks = Checks(self.trees, self._tell, lambda: self.time)

    def _tell(self, size: int) -> None:
        self.read += size

    def write(self, path: str, data: bytes) -> None:
        """With the time that the file has."""
        place = self.trees / "t" / path
        state = place.stat()
        place.write_bytes(data)
        os.utime(place, ns=(state.st_atime_ns, state.st_mtime_ns))

    @property
    def altered(self) -> tuple[str, ...]:
        found = self.checks.found().get("t")
        return found.altered.paths if found is not None else ()


@pytest.fixture
def server(folder: Path) -> Server:
    return Server(folder)


def test_a_file_of_the_same_size_and_time_is_found(server: Server) -> None:
    assert server.checks.check("t") == ()
    server.write("b", b"bXb")
    server.checks.check("t")
    assert server.altered == ("b",)
    assert server.read == 2 * len(b"aaabbbkernel")
    server.begin_anew()
    assert server.altered == ("b",), "known after a restart"


def test_it_is_looked_at_again_only_when_it_changes(server: Server) -> None:
    server.write("b", b"bXb")
    server.checks.check("t")
    read = server.read
    server.checks.look_again(own(server.trees))
    assert server.read == read
    server.write("b", b"bbb")
    server.checks.look_again(own(server.trees))
    assert server.altered == ()
    assert server.read == read + 3, "that file alone"


def test_what_is_found_goes_with_its_tree(server: Server) -> None:
    server.write("b", b"bXb")
    server.checks.check("t")
    server.checks.look_again(Own())
    server.begin_anew()
    assert server.checks.found() == {}


def test_a_tree_that_was_just_fetched_was_read(server: Server) -> None:
    known = own(server.trees)
    assert due(known, server.checks.times(), Settings(check_every_s=DAY), server.time)[0] == "t"
    assert known.trees["t"] is not None
    server.checks.proven("t", known.trees["t"].digest)
    assert due(known, server.checks.times(), Settings(check_every_s=DAY), server.time) == (None, DAY)


TREES = Own({"a": Tree("1", "x"), "b": Tree("2", "y"), "hand": None})


@pytest.mark.parametrize(("checked", "now", "name"), [
    ({}, 0.0, "a"),
    ({"a": Checked("1", 0.0)}, 10.0, "b"),
    ({"a": Checked("1", 0.0), "b": Checked("2", 5.0)}, 10.0, None),
    ({"a": Checked("1", 0.0), "b": Checked("2", 5.0)}, DAY + 1, "a"),
    ({"a": Checked("1", 9.0), "b": Checked("old", 9.0)}, 10.0, "b"),
    ({"a": Checked("1", 9.0), "b": Checked("2", 99 * DAY)}, 10.0, "b"),
])  # fmt: skip
def test_the_tree_that_has_waited_longest_is_next(
    checked: dict[str, Checked], now: float, name: str | None
) -> None:
    """One of another import, and one of the future, was not read."""
    assert due(TREES, checked, Settings(check_every_s=DAY), now)[0] == name


def test_never_is_never() -> None:
    assert due(TREES, {}, Settings(check_every_s=0.0), 0.0) == (None, None)
