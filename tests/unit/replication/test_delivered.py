"""When changes count as delivered: only when the peer has every key as it was then, or newer."""

from __future__ import annotations

from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from replicationworld import STEP_S, LossyNetwork, ReplicationWorld
from twinboot.replication import sender
from twinboot.replication.overwritten import OverwrittenRows
from twinboot.replication.ranges import Ranges

CHANGES = st.lists(st.tuples(
    st.sampled_from("klmnop"), st.booleans(), st.integers(0, 40)), min_size=5, max_size=80)


class Truth:
    """Every change of a server's table, by key: (number, value)."""

    def __init__(self, world: ReplicationWorld) -> None:
        self.world = world
        self.changes: dict[str, list[tuple[int, str | None]]] = defaultdict(list)
        self.heads = [self.world.nodes["a"].head("leases")]

    def change(self, key: str, *, remove: bool) -> None:
        value = None if remove else f"{self.heads[-1]}".ljust(400)
        if value is None:
            self.world.remove("a", key)
        else:
            self.world.put("a", key, value)
        head = self.world.nodes["a"].head("leases")
        if head != self.heads[-1]:
            self.changes[key].append((head, value))
            self.heads.append(head)

    def check(self, peer: str) -> None:
        """What counts as delivered the peer has, or a later state of the key."""
        delivered = [one for one in self.heads if self.world.nodes["a"].delivered("leases", one)]
        has = self.world.has(peer, "a")
        for key, changes in self.changes.items():
            known = [number for number, _ in changes if number <= max(delivered, default=0)]
            if known:
                later = [value for number, value in changes if number >= known[-1]]
                assert has.get(key) in later, f"{key} of {known[-1]}"


@settings(max_examples=60, deadline=None)
@given(changes=CHANGES, loss=st.sampled_from([0.0, 0.3, 0.6]), delay_s=st.sampled_from([0.0, 0.02]),
       window=st.sampled_from([1, 2, 32]), late=st.booleans(), seed=st.integers(0, 1000))
def test_what_counts_as_delivered_is_there(changes: list[tuple[str, bool, int]], loss: float, delay_s: float,
                                           window: int, late: bool, seed: int) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sender, "WINDOW_PACKETS", window)
        net = LossyNetwork(seed, loss=loss, delay_s=delay_s)
        world = ReplicationWorld(["a"] if late else ["a", "b"], net)
        truth = Truth(world)
        for place, (key, remove, pause_ms) in enumerate(changes):
            truth.change(key, remove=remove)
            if late and place == len(changes) // 2:
                world.boot("b")
            for _ in range(pause_ms):
                world.run(STEP_S)
                if "b" in world.nodes:
                    truth.check("b")
        world.net.loss = 0.0
        for _ in range(1500):
            world.run(STEP_S)
            truth.check("b")
        assert world.nodes["a"].delivered("leases")


def test_a_lost_row_that_was_overwritten_is_not_delivered_by_its_empty_range() -> None:
    """The newer row is lost, too: the range that arrives says nothing of the key."""
    world = ReplicationWorld(["a", "b"], LossyNetwork(1, delay_s=0.0))
    world.run(0.1)
    node = world.nodes["a"]
    world.net.cut.add(frozenset("ab"))
    world.put("a", "k", "old")
    wanted = node.head("leases")
    world.run(0.01)
    world.put("a", "k", "new")
    world.run(0.01)
    world.net.cut.clear()
    while not node.delivered("leases", wanted):
        world.run(STEP_S)
        assert world.now < 110
    assert world.has("b", "a") == {"k": "new"}


def test_what_was_overwritten_before_a_peer_came_is_delivered_with_the_newest() -> None:
    """The first packets of a session hold the ranges of numbers whose rows stand at the table's end."""
    world = ReplicationWorld(["a"], LossyNetwork(1, delay_s=0.0))
    world.put("a", "k", "old")
    wanted = world.nodes["a"].head("leases")
    for number in range(5):
        world.put("a", f"l{number}", "v" * 1000)
    world.put("a", "k", "new")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sender, "WINDOW_PACKETS", 1)
        world.boot("b")
        while not world.nodes["a"].delivered("leases", wanted):
            world.run(STEP_S)
            assert world.now < 110
    assert world.has("b", "a")["k"] == "new"


def test_a_row_that_waits_to_be_sent_is_overwritten_after_the_one_before_it_was_sent() -> None:
    """The first range went without its row, and before the last change."""
    arrived, one = Ranges(), OverwrittenRows()
    one.add(2, 5, sent=1)
    one.add(5, 9, sent=3)  # the range up to 3 was made when the head was 8
    arrived.add(0, 3)
    one.range_arrived(1, 3, arrived, made_at=8)
    assert one.owed_from == 2
    arrived.add(3, 8)
    one.range_arrived(3, 8, arrived, made_at=9)
    assert one.owed_from == 2
    arrived.add(8, 9)
    one.range_arrived(8, 9, arrived, made_at=9)
    assert one.owed_from is None


def test_a_key_that_changes_all_the_time_is_delivered_all_the_same() -> None:
    world = ReplicationWorld(["a", "b"], LossyNetwork(1, delay_s=0.02))
    world.run(0.1)
    node = world.nodes["a"]
    world.put("a", "k", "0")
    wanted = node.head("leases")
    for one in range(1, 100):
        world.run(STEP_S)
        world.put("a", "k", str(one))
    assert node.delivered("leases", wanted)


def test_what_is_never_sent_costs_no_memory_for_each_change() -> None:
    one = OverwrittenRows()
    for number in range(10, 10_000):
        one.add(number, number + 1, sent=5)
    assert len(one._replaced) == len(one._first_of) == 1
    arrived = Ranges()
    arrived.add(0, 9_999)
    one.range_arrived(0, 9_999, arrived, made_at=10_000)
    assert one.owed_from == 10
    arrived.add(9_999, 10_000)
    one.range_arrived(9_999, 10_000, arrived, made_at=10_000)
    assert one.owed_from is None
    assert [one._replaced, one._first_of, one._owed, one._waiting] == [{}, {}, {}, {}]


def test_a_link_that_loses_every_third_packet_holds_nothing_for_long() -> None:
    """Of 300 changes, each alone, all but a few are acknowledged within the input hold's 0.4 s."""
    world = ReplicationWorld(["a", "b"], LossyNetwork(7, loss=0.3, delay_s=0.002))
    world.run(0.1)
    late = 0
    for number in range(300):
        world.put("a", "k", str(number))
        world.run(0.4)
        late += not world.nodes["a"].delivered("leases")
        world.run(2.0)
    assert late <= 5
