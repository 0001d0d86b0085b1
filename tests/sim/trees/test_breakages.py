"""The judge must catch deliberate breakages: each rule of tree_sync/logic replaced by a wrong one, and a
history that passes with the right one."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from twinboot.tree_sync.logic import choosing
from twinboot.tree_sync.logic.choosing import Lack
from twinboot.tree_sync.logic.jobs import Fetch, Result
from twinboot.tree_sync.logic.sources import Sources
from twinboot.tree_sync.logic.sync import Sync

from .judge import Judge, Violation
from .world import Cluster, Version

ONE, TWO, THREE = "server1", "server2", "server3"


class Story:
    """A cluster and its judge, for a history told by hand."""

    def __init__(self, servers: int = 3) -> None:
        self.cluster = Cluster(servers, random.Random(1))
        self.cluster.breaks, self.cluster.files_most = 0.0, 40
        self.judge = Judge(self.cluster)
        self.all = self.cluster.servers

    def wait(self, seconds: float) -> None:
        until = self.cluster.now + seconds
        while self.cluster.now < until:
            self.cluster.tick(1.0 if seconds < 600 else 10.0)
            self.judge.look()

    def remove(self, server: str, name: str = "t", *, everywhere: bool = False) -> None:
        version = self.all[server].disk.published[name][0]
        self.cluster.removes(self.all[server], name, everywhere=everywhere)
        digests = self.all[server].disk.removed[-1].digests
        if everywhere:
            self.judge.everywhere |= set(digests)
        self.judge.asked |= {(server, one) for one in (*digests, version.tree.digest)}
        self.judge.look()

    def at_rest(self, version: Version, name: str = "t") -> None:
        self.judge.at_rest({name: version})


def fetched(story: Story) -> None:
    made = story.cluster.imports(story.all[ONE], "t")
    story.wait(60)
    story.at_rest(made)


def two_of_one_name(story: Story) -> None:
    story.cluster.imports(story.all[ONE], "t")
    story.cluster.imports(story.all[TWO], "t")
    story.wait(60)
    if "t" in story.all[THREE].disk.published:
        raise Violation("nobody knows which is right, and one was fetched")


def removed_here(story: Story) -> None:
    story.cluster.imports(story.all[ONE], "t")
    story.wait(60)
    story.remove(TWO)
    story.wait(60)


def removed_while_it_is_fetched(story: Story) -> None:
    """The operator of the server that fetches gives it up in the middle."""
    from twinboot.tree_sync.logic.model import Removal

    made = story.cluster.imports(story.all[ONE], "t")
    while "t" not in story.all[TWO].disk.staged:
        story.wait(1)
    story.all[TWO].disk.removed.append(Removal("t", (made.tree.digest,), made.tree.contents))
    story.judge.asked.add((TWO, made.tree.digest))
    story.wait(60)
    if story.all[TWO].disk.staged:
        raise Violation("what was given up lies about")


def removed_everywhere(story: Story) -> None:
    story.cluster.imports(story.all[ONE], "t")
    story.wait(60)
    story.remove(ONE, everywhere=True)
    story.wait(60)
    if any("t" in one.disk.published for one in story.all.values()):
        raise Violation("it was to go everywhere")
    made = story.cluster.imports(story.all[THREE], "t")
    story.wait(60)
    story.at_rest(made)


def removed_and_imported_again(story: Story) -> None:
    """The same medium, a moment after it was removed everywhere."""
    first = story.cluster.imports(story.all[ONE], "t")
    story.wait(60)
    story.remove(ONE, everywhere=True)
    again = story.cluster.imports(story.all[ONE], "t", like=first)
    story.wait(60)
    story.cluster._widen(story.all[ONE])
    story.wait(60)
    story.at_rest(again)


def replaced(story: Story) -> None:
    story.cluster.imports(story.all[ONE], "t")
    story.wait(60)
    made = story.cluster.imports(story.all[ONE], "t")
    story.wait(60)
    story.at_rest(made)


def the_old_medium_again(story: Story) -> None:
    """Newer, and then the first one once more, while one server is away."""
    first = story.cluster.imports(story.all[ONE], "t")
    story.wait(60)
    story.all[THREE].up = False
    story.cluster.imports(story.all[ONE], "t")
    story.wait(60)
    again = story.cluster.imports(story.all[ONE], "t", like=first)
    story.wait(60)
    story.all[THREE].up = True
    story.wait(60)
    story.at_rest(again)


def imported_twice_then_replaced(story: Story) -> None:
    """Two servers have imported the same medium, each by itself."""
    first = story.cluster.imports(story.all[ONE], "t")
    story.cluster.imports(story.all[TWO], "t", like=first)
    story.wait(60)
    made = story.cluster.imports(story.all[ONE], "t")
    story.wait(60)
    story.at_rest(made)


def rotten_at_the_first(story: Story) -> None:
    """The server that is asked first has a rotten file; another one is sound."""
    made = story.cluster.imports(story.all[ONE], "t")
    story.wait(60)
    story.all[THREE].disk.published.clear()
    story.all[THREE].begin_anew()
    story.judge._before.clear()
    files = story.all[ONE].disk.published["t"][1]
    files[next(iter(files))] = "rotten"
    story.judge.rotten.add((ONE, "t"))
    story.wait(300)
    story.at_rest(made)


def cable_cut(story: Story) -> None:
    made = story.cluster.imports(story.all[ONE], "t")
    for other in (TWO, THREE):
        story.cluster.cut.add((frozenset((ONE, other)), "cable"))
    story.wait(120)
    story.at_rest(made)


def forger_goes(story: Story) -> None:
    made = story.cluster.imports(story.all[ONE], "t")
    story.cluster.forging.update(("cable", "lan"))
    story.wait(60)
    story.cluster.forging.clear()
    story.wait(2 * 3600)
    story.at_rest(made)


HISTORIES = [
    fetched, two_of_one_name, removed_here, removed_while_it_is_fetched, removed_everywhere, replaced,
    removed_and_imported_again,
    the_old_medium_again, imported_twice_then_replaced, rotten_at_the_first, cable_cut, forger_goes,
]  # fmt: skip


@pytest.mark.parametrize("history", HISTORIES, ids=lambda one: one.__name__)
def test_the_right_rules_pass(history: Callable[[Story], None]) -> None:
    history(Story())


def _any_of_them(trees: Any) -> Any:
    return next((tree.contents for tree in trees), None)


def _by_contents_alone(trees: Any) -> Any:
    from dataclasses import replace

    return right_latest([replace(tree, digest="") for tree in trees])


def _by_imports_alone(trees: Any) -> Any:
    known = list(trees)
    over = {digest for tree in known for digest in tree.replaces}
    heads = {tree.contents for tree in known if tree.digest not in over}
    return heads.pop() if len(heads) == 1 else None


def _over_what_is_here(world: Any, own: Any, name: str) -> Lack | None:
    from dataclasses import replace

    return right_lack(world, replace(own, trees={}), name) if name not in own.trees or (
        (mine := own.trees[name]) is not None and mine.contents not in choosing._offers(world, own, name)
    ) else None  # fmt: skip


right_lack = choosing._lack
right_ended = Sync.ended
right_latest = choosing._latest


def _all_at_once(self: Sync, job: Any, result: Result, now: float) -> None:
    """The first file that came is taken for all of them."""
    right_ended(self, job, result, now)
    if isinstance(job, Fetch) and self._copy is not None and self._copy.todo:
        self._copy.todo.clear()


def _never_dropped(self: Sync, world: Any, own: Any, now: float) -> None:
    self._world, self._own = world, own


right_widened = choosing.widened


def _again_and_again(world: Any, own: Any) -> Any:
    from dataclasses import replace

    removed = tuple(replace(one, widened=False) for one in own.removed)
    for known, (_, more) in zip(own.removed, right_widened(world, replace(own, removed=removed, trees={})),
                                strict=True):  # fmt: skip
        yield known, more


BREAKAGES: list[tuple[str, object, str, object, Callable[[Story], None]]] = [
    ("half a tree is published", Sync, "ended", _all_at_once, fetched),
    ("any of several is fetched", choosing, "_latest", _any_of_them, two_of_one_name),
    ("what is here is fetched over", choosing, "_lack", _over_what_is_here, two_of_one_name),
    ("removals are forgotten", choosing, "unwanted", lambda *_: frozenset(), removed_here),
    ("nobody is told to remove", choosing, "removals_due", lambda *_: (), removed_everywhere),
    ("the name is removed, not the import", choosing, "removals_due",
     lambda world, own: [(removal, tree) for removal in choosing._everywhere(world)
                         if (tree := own.trees.get(removal.name)) is not None], removed_everywhere),
    ("a removal grows for ever", choosing, "widened", _again_and_again, removed_and_imported_again),
    ("what was given up stays", choosing, "abandoned", lambda *_: (), removed_while_it_is_fetched),
    ("a liar is asked again and again", Sources, "distrust", lambda *_: None, rotten_at_the_first),
    ("distrust never ends", Sources, "distrust",
     lambda self, source, digest, text, now: self._distrusted.update({(source, digest): (1e12, text)}),
     forger_goes),
    ("a dead way is tried for ever", Sources, "failed", lambda *_: None, cable_cut),
    ("an import knows none of another server", choosing, "_latest", _by_imports_alone,
     imported_twice_then_replaced),
    ("the old medium is old for ever", choosing, "_latest", _by_contents_alone, the_old_medium_again),
]  # fmt: skip


@pytest.mark.parametrize(("name", "where", "what", "wrong", "history"), BREAKAGES,
                         ids=[one[0].replace(" ", "-") for one in BREAKAGES])  # fmt: skip
def test_a_wrong_rule_is_caught(
    monkeypatch: pytest.MonkeyPatch, name: str, where: object, what: str, wrong: object,
    history: Callable[[Story], None],
) -> None:
    monkeypatch.setattr(where, what, wrong)
    with pytest.raises(Violation):
        history(Story())
