"""Servers that hold trees, for tests: folders on this disk, and a client that reads from the others' folders
as it would by HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from twinboot.tree_sync.host.http import Gone, Unreachable, Wrong
from twinboot.tree_sync.host.own_trees import OwnTrees
from twinboot.tree_sync.logic.model import Own, Peer, Settings, TreesStatus, World

PIECE = 1000
ON = Settings(enabled=True)


_looks: dict[Path, OwnTrees] = {}


def own(trees: Path) -> Own:
    """What is in this folder; manifests are read again where they have changed."""
    return _looks.setdefault(trees, OwnTrees(trees)).own()


def told(trees: Path) -> TreesStatus:
    """What a server with this folder tells the others."""
    found = own(trees)
    return TreesStatus({name: tree for name, tree in found.trees.items() if tree is not None}, found.removed)


def world(peers: dict[str, Path], *, used: tuple[str, ...] = (), down: tuple[str, ...] = ()) -> World:
    """The servers by name, with their folders. Each has one address, its name."""
    return World({name: Peer(name not in down, (name,), told(trees)) for name, trees in peers.items()},
                 frozenset(used), ON)  # fmt: skip


class FolderClient:
    """tree_sync.host.http.Client for folders. cut: bytes until the connection ends, once. forge: what becomes
    of a piece on the way. down: servers that do not answer."""

    def __init__(self, folders: dict[str, Path]) -> None:
        self._folders = folders
        self.cut: int | None = None
        self.forge: Callable[[str, bytes], bytes] = lambda _path, piece: piece
        self.down: set[str] = set()
        self.asked: list[tuple[str, str, int]] = []
        self.before_piece: Callable[[], None] = lambda: None

    def close(self) -> None:
        return None

    def get(self, address: str, path: str, size: int | None, start: int = 0) -> Iterator[memoryview]:
        self.asked.append((address, path, start))
        if address in self.down:
            raise Unreachable("refused")
        try:
            data = (self._folders[address] / path.removeprefix("/trees/")).read_bytes()[start:]
        except OSError as exc:
            raise Gone("404") from exc
        if size is not None and len(data) != size - start:
            raise Wrong("another size")
        for at in range(0, len(data), PIECE):
            self.before_piece()
            piece = self.forge(path, data[at:at + PIECE])
            if self.cut is not None and self.cut < len(piece):
                piece, self.cut = piece[:self.cut], None
                if piece:
                    yield memoryview(bytearray(piece))
                raise Unreachable("it broke off")
            if self.cut is not None:
                self.cut -= len(piece)
            yield memoryview(bytearray(piece))
