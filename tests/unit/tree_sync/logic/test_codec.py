"""What is told comes out as it went in; what makes no sense is left out, and never raises."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twinboot.tree_sync.logic import codec
from twinboot.tree_sync.logic.model import Peer, Progress, Removal, Settings, Tree, TreesStatus, World

A, B = "a" * 64, "b" * 64
TOLD = TreesStatus({"el9": Tree(A, B, 10, 2, (A,), 1)}, (Removal("x", (A, B), B, True, (A,)),),
            {"y": Progress("server2", 5, 10, 2.5), "z": Progress("server2", 0, 10)})  # fmt: skip
KEYS = ["trees", "removed", "copies", "el9", "digest", "contents", "size", "name", "digests"]
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(KEYS), inner, max_size=4), max_leaves=12)  # fmt: skip


def _over_the_wire(document: Any) -> Any:
    return json.loads(json.dumps(document))


def test_what_is_told_comes_out_as_it_went_in() -> None:
    assert codec.told_of(_over_the_wire(codec.told_document(TOLD))) == TOLD
    world = World({"server2": Peer(True, ("10.0.0.2",), TOLD), "server3": Peer(False, ())},
                  frozenset({"el9"}), Settings(True, 5.0, 6.0, 7.0), 3)  # fmt: skip
    assert codec.world_of(_over_the_wire(codec.world_document(world))) == world
    report = codec.Report(TOLD, {"el9": "no room"}, {"el9": codec.Altered(1.0, 2, ("a",))}, ("el9", 1, 2))
    assert codec.report_of(_over_the_wire(codec.report_document(report))) == report


@given(document=_JSON)
def test_nothing_that_a_peer_tells_raises(document: Any) -> None:
    codec.told_of(document)


@pytest.mark.parametrize(("name", "tree"), [
    ("../etc", {"digest": A, "contents": B}), (".twinboot", {"digest": A, "contents": B}),
    ("a/b", {"digest": A, "contents": B}), ("el9", {"digest": "short", "contents": B}),
    ("el9", {"digest": A}), ("el9", None), ("el9", {"digest": A.upper(), "contents": B}),
])  # fmt: skip
def test_a_tree_that_makes_no_sense_is_left_out(name: str, tree: Any) -> None:
    told = codec.told_of({"trees": {name: tree}})
    assert told is not None
    assert told.trees == {}


def test_what_a_newer_release_adds_is_skipped_and_what_an_older_one_lacks_is_as_by_default() -> None:
    told = codec.told_of({"trees": {"el9": {"digest": A, "contents": B, "colour": "red"}}, "more": 1})
    assert told == TreesStatus({"el9": Tree(A, B)})


@pytest.mark.parametrize("document", [None, [], {}, {"peers": {"a": {}}}, {"peers": 7}])
def test_what_is_no_news_is_one_error(document: Any) -> None:
    with pytest.raises(ValueError, match="news"):
        codec.world_of(document)
