"""The sidecar's end: what is told to the peers, heard of them and handed on, and its alarms."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from twinboot.agent.loop import Agent
from twinboot.agent.replication.site_copies import SiteCopies
from twinboot.agent.trees.tree_sync import MISSING_ALARM_S, TreeSync
from twinboot.core.membership.peer import LinkState
from twinboot.site import loads
from twinboot.tree_sync.logic.codec import Altered, Report, told_document
from twinboot.tree_sync.logic.model import Progress, Tree, TreesStatus

EXAMPLE = (Path(__file__).parents[4] / "config/examples/parity.yaml").read_text()
OURS, NEWER = Tree("1" * 64, "a" * 64, 10, 1), Tree("2" * 64, "b" * 64, 20, 2)


@dataclass
class Copies:
    """What peers have told, and what was published."""

    told: dict[str, Any] = field(default_factory=dict)
    published: list[Any] = field(default_factory=list)

    def of(self, peer: str) -> Any:
        return self.told.get(peer)

    def publish(self, document: Any) -> None:
        self.published.append(document)


class Sidecar:
    """A TreeSync with an agent of two servers."""

    def __init__(self, more: str = "") -> None:
        self.site = json.loads(loads(f"{EXAMPLE}\n{more}\n").to_json())
        self.alive, self.now = True, 100.0
        self.copies, self.published = Copies(), list[tuple[str, ...]]()
        peer = SimpleNamespace(alive=True)
        states = {"crossover": LinkState.DOWN, "lan": LinkState.UP}
        links = {name: SimpleNamespace(state=state) for name, state in states.items()}
        agent = SimpleNamespace(
            config=SimpleNamespace(me="server1"), own_site=lambda: self.site,
            state=SimpleNamespace(peers={"server2": peer}), connections=lambda: {"followed": {"http": 3}},
            view=lambda: SimpleNamespace(peers={"server2": SimpleNamespace(links=links)}),
        )
        self.peer = peer
        self.sync = TreeSync(
            cast(Agent, agent), cast(SiteCopies, self.copies), compared=lambda _server: {},
            published=self.published.append, now=lambda: self.now,
        )

    def hear(self, told: TreesStatus | None = None, **more: Any) -> None:
        self.sync.heard(Report(told or TreesStatus({"rh9": OURS}), **more))

    def alarms(self) -> dict[tuple[str, str], str]:
        return {(one.code, one.subject): one.text for one in self.sync.alarm_conditions("server1")}


@pytest.fixture
def sidecar() -> Sidecar:
    return Sidecar()


def test_the_process_hears_of_the_peers_what_they_have_told(sidecar: Sidecar) -> None:
    sidecar.copies.told["server2"] = told_document(TreesStatus({"rh9": NEWER}))
    world = sidecar.sync.world()
    peer = world.peers["server2"]
    assert peer.told is not None
    assert peer.told.trees == {"rh9": NEWER}
    assert peer.routes == ("192.168.0.252", "10.0.0.2")
    assert (world.used, world.busy, world.settings.enabled) == (frozenset({"rh9"}), 3, True)
    assert sidecar.sync.world().peers["server2"].told is peer.told, "read once"


def test_progress_is_told_now_and_then_and_all_else_at_once(sidecar: Sidecar) -> None:
    sidecar.hear()
    for done in range(5):
        sidecar.now += 0.5
        sidecar.hear(TreesStatus({"rh9": OURS}, copies={"t": Progress("server2", done, 10)}))
    assert [one["copies"].get("t", {}).get("done") for one in sidecar.copies.published] == [None, 3]
    sidecar.hear(TreesStatus({"rh9": OURS, "t": NEWER}))
    assert set(sidecar.copies.published[-1]["trees"]) == {"rh9", "t"}


def test_a_tree_of_the_site_that_is_another_one_is_rendered_for(sidecar: Sidecar) -> None:
    sidecar.hear(TreesStatus({"rh9": OURS, "unused": OURS}))
    assert sidecar.published == [("rh9",)], "it may have come while nobody listened"
    sidecar.hear(TreesStatus({"rh9": OURS, "unused": NEWER}))
    assert len(sidecar.published) == 1
    sidecar.hear(TreesStatus({"rh9": NEWER}))
    assert sidecar.published[1:] == [("rh9",)]


def test_what_the_process_finds_is_an_alarm(sidecar: Sidecar) -> None:
    sidecar.hear(faults={"t": "no room"}, checked={"rh9": Altered(1.0, 2, ("a", "b")), "t": Altered(1.0)})
    assert set(sidecar.alarms()) == {("tree-not-fetched", "server1/t"), ("tree-altered", "server1/rh9")}
    assert "a, and 1 files more" in sidecar.alarms()["tree-altered", "server1/rh9"]
    sidecar.hear()
    assert sidecar.alarms() == {}


@pytest.mark.parametrize(("more", "codes"), [("", {"tree-sync-missing"}), ("tree_sync: off", set())])
def test_a_process_that_does_not_answer_is_an_alarm_after_a_while(more: str, codes: set[str]) -> None:
    sidecar = Sidecar(more)
    sidecar.hear()
    sidecar.sync.heard(None)
    assert sidecar.alarms() == {}
    sidecar.now += MISSING_ALARM_S
    assert {code for code, _ in sidecar.alarms()} == codes
    assert sidecar.sync.copies() == {}


def test_of_a_dead_peer_nothing_is_shown(sidecar: Sidecar) -> None:
    sidecar.hear()
    sidecar.copies.told["server2"] = told_document(TreesStatus({"x": NEWER}))
    assert "x" in sidecar.sync.shown("server1")
    sidecar.peer.alive = False
    assert "x" not in sidecar.sync.shown("server1")
