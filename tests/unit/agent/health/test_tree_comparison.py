"""Install trees beside those of the peers: what is told, shown and an alarm."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from twinboot.agent.health.tree_comparison import TreeComparison
from twinboot.trees.facts import TreeFacts

OURS = TreeFacts("shape", "contents", 4, 2_000_000)
OTHER = TreeFacts("other", "others", 5, 3_000_000)


class Servers:
    """This one and a peer. here: what a look finds by folder; there: what the peer tells."""

    def __init__(self, top: Path) -> None:
        self.here: dict[str, TreeFacts | None] = {"el9": OURS}
        self.there: Mapping[str, Any] | None = {"el9": OURS.document()}
        self.alive: tuple[str, ...] = ("server2",)
        self.published: list[Mapping[str, Any]] = []
        self.looks = 0
        (top / "el9").mkdir()
        self.comparison = TreeComparison(
            top, {"el9": "el9", "gone": "gone"}, publish=self.published.append, told=lambda _peer: self.there,
            alive=lambda: self.alive, look=self._look,
        )
        self.comparison.look_once()

    def _look(self, tree: Path) -> TreeFacts | None:
        self.looks += 1
        return self.here.get(tree.name)

    def alarms(self) -> dict[tuple[str, str], str]:
        found = self.comparison.alarm_conditions("server1")
        return {(one.code, one.subject): one.text for one in found}


@pytest.fixture
def servers(tmp_path: Path) -> Servers:
    return Servers(tmp_path)


def test_the_same_tree_is_no_alarm(servers: Servers) -> None:
    assert servers.published == [{"el9": OURS.document(), "gone": None}]
    assert servers.comparison.view("server1") == {
        "el9": {"server1": "as imported", "server2": "same"},
        "gone": {"server1": "missing", "server2": "unknown"},
    }
    assert servers.alarms() == {}


def test_another_tree_on_a_peer_is_an_alarm_until_it_is_the_same(servers: Servers) -> None:
    servers.there = {"el9": OTHER.document(), "gone": None}
    assert servers.comparison.view("server1")["el9"]["server2"] == "differs"
    assert servers.comparison.view("server1")["gone"]["server2"] == "missing"
    text = servers.alarms()["tree-differs", "server2/el9"]
    assert "5 files of 3.0 MB there, 4 files of 2.0 MB here" in text
    servers.there = {"el9": OURS.document()}
    assert servers.alarms() == {}
    servers.there = {"el9": OTHER.document()}
    servers.alive = ()
    assert servers.alarms() == {}, "of a dead server nothing is known"


@pytest.mark.parametrize("told", [None, {}, {"el9": "odd"}, {"el9": {"shape": 7}}])
def test_of_a_peer_that_tells_nothing_nothing_is_said(
    servers: Servers, told: Mapping[str, Any] | None
) -> None:
    servers.there = told
    assert servers.alarms() == {}


def test_a_tree_is_looked_at_again_when_its_folder_changes(servers: Servers, tmp_path: Path) -> None:
    looks = servers.looks
    servers.comparison.look_once()
    assert servers.looks == looks, "nothing has changed"
    servers.here["el9"] = TreeFacts("rotten", "contents", 4, 2_000_000, 2, "a.rpm: changed")
    (tmp_path / "el9/a.rpm").touch()
    servers.comparison.look_once()
    assert len(servers.published) == 2
    assert "a.rpm: changed, and 1 files more" in servers.alarms()["tree-altered", "server1/el9"]
    assert ("tree-differs", "server2/el9") in servers.alarms()
    assert servers.comparison.view("server1")["el9"] == {"server1": "altered", "server2": "differs"}


def test_a_tree_that_cannot_be_read_says_nothing_of_the_others(tmp_path: Path) -> None:
    def look(_tree: Path) -> TreeFacts | None:
        raise OSError(5, "Input/output error")

    comparison = TreeComparison(
        tmp_path, {"el9": "el9"}, publish=lambda _told: None, told=lambda _peer: {"el9": OURS.document()},
        alive=lambda: ("server2",), look=look,
    )
    comparison.look_once()
    assert list(comparison.alarm_conditions("server1")) == []
