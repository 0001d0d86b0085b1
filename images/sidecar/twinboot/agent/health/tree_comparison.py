"""Are the install trees the same on all servers? Each tells the peers what its own are, in a few numbers.

A machine that is taken over goes on from the other server's files, and the next one may install from either:
so trees that differ, and files that are not as they were imported, are alarms. A thread of its own looks, for
a disk may hang; at once when a tree was published or its folder changed, else every LOOK_EVERY_S.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from twinboot.alarms import Condition, kinds
from twinboot.trees.facts import TreeFacts, facts_of, look_at
from twinboot.trees.manifest import FILE_NAME

LOOK_EVERY_S = 600.0
GLANCE_EVERY_S = 5.0
TABLE = "trees"
Known = dict[str, TreeFacts | None]


class TreeComparison:
    """trees: the folder of each, below `top`. publish: called from the thread with what is told to the peers.
    told: what a peer has told; None: nothing. alive: the peers that are heard."""

    def __init__(
        self, top: Path, trees: Mapping[str, str], *, publish: Callable[[Mapping[str, Any]], None],
        told: Callable[[str], Mapping[str, Any] | None], alive: Callable[[], tuple[str, ...]],
        look: Callable[[Path], TreeFacts | None] = look_at,
    ) -> None:
        self._top, self._trees = top, dict(trees)
        self._publish, self._told, self._alive, self._look = publish, told, alive, look
        self._own: Known = {}
        self._seen: dict[str, tuple[int, ...]] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tree-comparison", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Does not wait: the thread may hang in a read."""
        self._stop.set()

    def look_once(self) -> None:
        """Look at those trees that seem to have changed."""
        found = dict(self._own)
        for name, folder in self._trees.items():
            seen = _glance(self._top / folder)
            if name not in found or self._seen.get(name) != seen:
                try:
                    found[name] = self._look(self._top / folder)
                except OSError:
                    found[name] = None  # what cannot be read is an alarm of its own (trees.py)
                self._seen[name] = seen
        if found != self._own:
            self._own = found
            self._publish({
                name: None if facts is None else facts.document() for name, facts in found.items()
            })

    def view(self, server: str) -> dict[str, dict[str, str]]:
        """By tree, a word for each server: as imported, altered, there (it has no manifest), missing; of a
        peer that has another tree than this server: differs; of one that has told nothing: unknown."""
        own, peers = self._own, self._peers()
        return {
            name: {server: _word(own.get(name)),
                   **{peer: _beside(own.get(name), trees, name) for peer, trees in peers.items()}}
            for name in self._trees if name in own
        }  # fmt: skip

    def alarm_conditions(self, server: str) -> Iterator[Condition]:
        own = self._own
        for name, facts in own.items():
            if facts is not None and facts.altered:
                more = f", and {facts.altered - 1} files more" if facts.altered > 1 else ""
                yield kinds.TREE_ALTERED.on(
                    f"{server}/{name}", f"the tree {name} is not as it was imported: {facts.first}{more}"
                )
        for peer, trees in self._peers().items():
            for name, facts in own.items():
                theirs = trees.get(name) if trees is not None else None
                if facts is not None and theirs is not None and not facts.same_as(theirs):
                    yield kinds.TREE_DIFFERS.on(
                        f"{peer}/{name}", f"the tree {name} is another one on {peer}: {_size(theirs)} there, "
                        f"{_size(facts)} here"
                    )

    def _peers(self) -> dict[str, Known | None]:
        return {peer: _read(self._told(peer)) for peer in self._alive()}

    def _run(self) -> None:
        left_s = LOOK_EVERY_S
        while not self._stop.is_set():
            self.look_once()
            if self._stop.wait(GLANCE_EVERY_S):
                return
            left_s -= GLANCE_EVERY_S
            if left_s <= 0:
                self._seen.clear()
                left_s = LOOK_EVERY_S


def _glance(tree: Path) -> tuple[int, ...]:
    """What changes when a tree is published, or a file comes or goes at its top."""
    found: list[int] = []
    for path in (tree, tree / FILE_NAME):
        try:
            state = os.stat(path)
            found += (state.st_ino, state.st_mtime_ns)
        except OSError:
            found.append(0)
    return tuple(found)


def _read(document: Mapping[str, Any] | None) -> Known | None:
    if document is None:
        return None
    return {
        str(name): facts_of(value) if isinstance(value, Mapping) else None for name, value in document.items()
    }


def _word(facts: TreeFacts | None) -> str:
    if facts is None:
        return "missing"
    return "altered" if facts.altered else "as imported" if facts.contents else "there"


def _beside(own: TreeFacts | None, theirs: Known | None, name: str) -> str:
    if theirs is None or name not in theirs:
        return "unknown"
    facts = theirs[name]
    if facts is None or own is None or not facts.same_as(own):
        return "differs" if facts is not None and own is not None else _word(facts)
    return "altered" if facts.altered else "same"


def _size(facts: TreeFacts) -> str:
    return f"{facts.files:,} files of {facts.size / 1e6:,.1f} MB"
