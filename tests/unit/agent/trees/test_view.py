"""What is shown of all servers' trees, and what the process is told of the site."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from twinboot.agent.trees import view
from twinboot.site import loads
from twinboot.tree_sync.logic.model import Progress, Removal, Tree, TreesStatus

EXAMPLE = (Path(__file__).parents[4] / "config/examples/parity.yaml").read_text()
SITE = json.loads(loads(EXAMPLE).to_json())
OURS, THEIRS = Tree("1" * 64, "a" * 64, 10, 1), Tree("2" * 64, "b" * 64, 20, 2)
WORDS = {"rh9": {"server1": "as imported", "server2": "missing"}}


def test_the_cable_between_comes_before_the_lan_while_it_is_heard() -> None:
    assert view.routes(SITE, "server1", "server2", ("crossover", "lan")) == ("10.0.0.2", "192.168.0.252")
    assert view.routes(SITE, "server1", "server2", ("lan",)) == ("192.168.0.252", "10.0.0.2")
    assert view.routes(SITE, "server1", "server2", ()) == ("10.0.0.2", "192.168.0.252")
    assert view.routes(SITE, "server1", "unknown", ("lan",)) == ()


@pytest.mark.parametrize(("said", "rate", "every"), [
    ("", 0.0, 7 * 86_400.0), ("tree_sync: {rate_mb_s: 50, check_days: 0.5}", 50e6, 43_200.0),
])  # fmt: skip
def test_the_settings_are_the_sites(said: str, rate: float, every: float) -> None:
    found = view.settings_of(json.loads(loads(f"{EXAMPLE}\n{said}\n").to_json()))
    assert (found.enabled, found.fetch_rate, found.check_every_s, found.check_rate) == (
        True, rate, every, 20e6)
    off = view.settings_of(json.loads(loads(f"{EXAMPLE}\ntree_sync: off\n").to_json()))
    assert not off.enabled


def test_a_tree_on_its_way_is_shown_as_such() -> None:
    told = {"server1": TreesStatus({"rh9": OURS}), "server2": TreesStatus(copies={"rh9": Progress("server1",
        4, 10, 2.0)})}
    assert view.shown(WORDS, SITE, told, "server1")["rh9"] == {
        "server1": "as imported", "server2": "copying"}
    assert view.copies(told) == {
        "server2": {"rh9": {"from": "server1", "done": 4, "size": 10, "left_s": 2.0}}}


def test_what_no_server_has_the_rest_of_is_unfinished() -> None:
    told = {"server1": TreesStatus(copies={"rh9": Progress("", 0, 0), "new": Progress("", 0, 0)})}
    found = view.shown({"rh9": {"server1": "missing"}}, SITE, told, "server1")
    assert found == {"rh9": {"server1": "unfinished"}, "new": {"server1": "unfinished"}}
    assert view.copies(told) == {}


def test_a_tree_that_was_removed_is_not_missing() -> None:
    told = {"server1": TreesStatus({"rh9": OURS}), "server2": TreesStatus(removed=(Removal("rh9",
        (OURS.digest,)),))}
    assert view.shown(WORDS, SITE, told, "server1")["rh9"]["server2"] == "removed"


def test_trees_that_the_site_does_not_name_are_shown_by_their_folder() -> None:
    altered = Tree("1" * 64, "a" * 64, altered=2)
    told = {"server1": TreesStatus({"new": OURS, "own": OURS}), "server2": TreesStatus({"new": THEIRS,
        "only": altered}),
            "server3": None}  # fmt: skip
    found = view.shown({}, SITE, told, "server1")
    assert found == {
        "new": {"server1": "as imported", "server2": "differs", "server3": "unknown"},
        "only": {"server1": "missing", "server2": "altered", "server3": "unknown"},
        "own": {"server1": "as imported", "server2": "missing", "server3": "unknown"},
    }
