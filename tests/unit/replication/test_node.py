"""Replication between sidecars in virtual time: whatever the network does, tables end up equal."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from replicationworld import LossyNetwork, ReplicationWorld
from twinboot.replication import node as nodes
from twinboot.replication import sender
from twinboot.replication.node import BATCH_DELAY_S, BULK_DELAY_S, PeerStatus, ReplicationNode
from twinboot.replication.ranges import Ranges
from twinboot.replication.table import Table, TableFull
from twinboot.wire.cluster.replication import MAX_VALUE, Data

CHANGES = st.lists(st.tuples(
    st.sampled_from(["a", "b"]), st.sampled_from("klmnop"), st.none() | st.text("xyz", max_size=3),
    st.floats(0.0, 0.05),
), max_size=60)


@settings(max_examples=40, deadline=None)
@given(changes=CHANGES, loss=st.sampled_from([0.0, 0.1, 0.4]), double=st.sampled_from([0.0, 0.5]),
       delay_s=st.sampled_from([0.0, 0.01, 0.2]), seed=st.integers(0, 1000))
def test_tables_end_up_equal_whatever_the_network_does(
    changes: list[tuple[str, str, str | None, float]], loss: float, double: float, delay_s: float, seed: int,
) -> None:
    world = ReplicationWorld(["a", "b", "c"], LossyNetwork(seed, loss=loss, double=double, delay_s=delay_s))
    truth: dict[str, dict[str, str]] = {"a": {}, "b": {}}
    for who, key, value, pause_s in changes:
        if value is None:
            world.remove(who, key)
            truth[who].pop(key, None)
        else:
            world.put(who, key, value)
            truth[who][key] = value
        world.run(pause_s)
    world.net.loss = 0.0
    world.run(3.0)
    for name in "abc":
        for who in {"a", "b"} - {name}:
            assert world.has(name, who) == truth[who]
            assert world.nodes[name].complete(who, "leases")
    for who in "ab":
        assert world.nodes[who].delivered("leases")
        assert world.nodes[who]._tables["leases"].tombstone_count() == 0, (
            "removals that all know are forgotten"
        )


@settings(max_examples=40, deadline=None)
@given(spans=st.lists(st.tuples(st.integers(0, 30), st.integers(1, 8)), max_size=30))
def test_ranges_are_a_set_of_numbers(spans: list[tuple[int, int]]) -> None:
    ranges, truth = Ranges(), set()
    for after, size in spans:
        ranges.add(after, after + size)
        truth |= set(range(after + 1, after + size + 1))
    for after in range(40):
        for upto in range(after + 1, 40):
            assert ranges.covers(after, upto) == (set(range(after + 1, upto + 1)) <= truth)


def pair(**network: float) -> ReplicationWorld:
    world = ReplicationWorld(["a", "b"], LossyNetwork(1, **network))
    world.run(0.1)
    return world


def test_a_change_arrives_within_20_ms() -> None:
    world = pair()
    world.put("a", "k", "v")
    world.run(0.02)
    assert world.has("b", "a") == {"k": "v"}
    assert world.nodes["a"].delivered("leases")


def test_changes_of_a_moment_share_a_packet() -> None:
    world = pair()
    world.net.recorded.clear()
    for i in range(5):
        world.put("a", f"k{i}", "v" * 100)
    world.run(0.05)
    data = [packet for _, packet in world.net.recorded if isinstance(packet, Data)]
    assert [len(packet.rows) for packet in data] == [5]


def test_what_is_larger_than_a_packet_usually_is_travels_alone() -> None:
    world = pair()
    world.net.recorded.clear()
    values = {"a": "1", "b": "v" * MAX_VALUE, "c": "w" * MAX_VALUE, "d": "2"}
    for key, value in values.items():
        world.put("a", key, value)
    world.run(0.2)
    assert world.has("b", "a") == values
    data = [packet for _, packet in world.net.recorded if isinstance(packet, Data)]
    assert [len(packet.rows) for packet in data] == [1, 1, 1, 1]


def test_what_is_prompt_does_not_wait_for_company() -> None:
    world = pair(delay_s=0.0)
    node = world.nodes["a"]
    node.put("leases", b"k", b"1", world.now)
    assert [out.packet for out in node.outgoing(world.now)] == []
    node.put("connections", b"k", b"1", world.now)
    assert node.next_deadline(world.now) == world.now
    assert {out.packet.table_name for out in node.outgoing(world.now)} == {"leases", "connections"}


def test_what_is_patient_waits_for_company_and_holds_up_nothing_else() -> None:
    tables = {"machines": 10, "leases": 10}
    node, now = ReplicationNode("a", 1, tables, bulk_tables=frozenset({"machines"})), 5.0
    node.set_peers({"b": PeerStatus(1, alive=True)}, now)
    assert len(node.outgoing(now)) == 2, "what the tables hold at first"
    node.put("machines", b"k", b"1", now)
    node.put("leases", b"k", b"1", now)
    assert [one.packet.table_name for one in node.outgoing(now + BATCH_DELAY_S)] == ["leases"]
    node.put("machines", b"other", b"2", now + 0.05)
    late = node.outgoing(now + BULK_DELAY_S)
    (told,) = [one.packet for one in late if isinstance(one.packet, Data) and one.packet.rows
               and one.packet.table_name == "machines"]
    assert [row.key for row in told.rows] == [b"k", b"other"]
    node.put("machines", b"k", b"3", now + 0.2)
    node.hurry("machines")
    assert node.next_deadline(now + 0.2) == now + 0.2
    assert any(isinstance(one.packet, Data) and [row.value for row in one.packet.rows] == [b"3"]
               for one in node.outgoing(now + 0.2))


def test_how_long_a_peer_has_been_without_our_news() -> None:
    world = pair()
    node = world.nodes["a"]
    world.net.cut.add(frozenset("ab"))
    world.put("a", "k", "1")
    world.run(0.2)
    world.put("a", "k", "2")
    world.run(0.1)
    assert node.lag_s("leases", world.now)["b"] == pytest.approx(0.3, abs=0.01)
    assert node.lag_s("connections", world.now)["b"] == 0.0
    world.net.cut.clear()
    world.run(0.5)
    assert node.lag_s("leases", world.now) == {"b": 0.0}
    median_s, worst_s = node.ack_time_s("leases")
    assert 0.2 < median_s <= worst_s < 0.8
    world.alive["b"] = False
    world.meet()
    world.put("a", "k", "3")
    world.run(60)
    assert node.lag_s("leases", world.now) == {}, "the dead lack nothing"


def test_one_who_comes_late_gets_the_table_as_it_stands() -> None:
    world = ReplicationWorld(["a", "b"], LossyNetwork(1))
    for i in range(1000):
        world.put("a", f"k{i}", "old" * 30)
    for i in range(1000):
        world.put("a", f"k{i}", f"v{i}" * 30)
    world.remove("a", "k7")
    world.boot("c")
    assert not world.nodes["c"].complete("a", "leases")
    world.run(2.0)
    assert world.has("c", "a") == {f"k{i}": f"v{i}" * 30 for i in range(1000) if i != 7}
    assert world.nodes["c"].complete("a", "leases")


def test_one_who_is_started_anew_gets_everything_again() -> None:
    world = pair()
    world.put("a", "k", "v")
    world.run(0.1)
    world.boot("b")
    assert world.has("b", "a") == {}
    world.run(0.1)
    assert world.has("b", "a") == {"k": "v"}


def test_a_sender_started_anew_takes_back_what_it_has_no_more() -> None:
    world = pair()
    world.put("a", "k", "v")
    world.run(0.1)
    world.boot("a")
    world.put("a", "l", "w")
    world.run(0.1)
    assert world.has("b", "a") == {"l": "w"}


def test_one_who_was_away_for_long_costs_no_memory_and_misses_nothing() -> None:
    world = pair()
    world.put("a", "k", "v")
    world.put("a", "l", "v")
    world.run(0.1)
    world.alive["b"] = False
    world.meet()
    world.remove("a", "k")
    world.now += nodes.SESSION_TIMEOUT_S + 1
    world.meet()
    assert world.nodes["a"]._tables["leases"].tombstone_count() == 0
    world.alive["b"] = True
    world.meet()
    world.run(0.2)
    assert world.has("b", "a") == {"l": "v"}


def test_nobody_there_is_sent_nothing_and_all_counts_as_delivered() -> None:
    world = pair()
    world.alive["b"] = False
    world.meet()
    sent = len(world.net.recorded)
    world.put("a", "k", "v")
    world.run(1.0)
    assert len(world.net.recorded) == sent
    assert world.nodes["a"].delivered("leases")


def test_what_was_put_by_a_moment_is_delivered_though_more_comes() -> None:
    world = pair(delay_s=0.0)
    world.put("a", "k", "v")
    node = world.nodes["a"]
    upto = node.head("leases")
    assert not node.delivered("leases", upto)
    world.run(0.02)
    world.put("a", "more", "v")
    assert node.delivered("leases", upto)
    assert not node.delivered("leases")


def test_a_peer_that_does_not_answer_is_written_to_ever_more_seldom() -> None:
    world = pair()
    world.net.cut.add(frozenset(("a", "b")))
    world.put("a", "k", "v")
    world.run(2.0)
    before = len(world.net.recorded)
    world.run(10.0)
    assert 8 <= len(world.net.recorded) - before <= 12
    assert not world.nodes["a"].delivered("leases")
    world.net.cut.clear()
    world.run(sender.RETRANSMIT_MAX_S + 0.1)
    assert world.has("b", "a") == {"k": "v"}


def test_what_is_under_way_is_bounded_and_so_is_the_pace() -> None:
    world = pair()
    world.net.cut.add(frozenset(("a", "b")))
    before = len(world.net.recorded)
    for i in range(5000):
        world.put("a", f"k{i}", "v" * 1000)
    world.run(0.02)
    assert len(world.net.recorded) - before <= sender.WINDOW_PACKETS
    world.net.cut.clear()
    world.run(1.0)
    before = world.net.carried
    world.run(1.0)
    assert world.net.carried - before <= 2.2 * nodes.SEND_RATE_PER_S, "data and its acknowledgements"
    world.run(5.0)
    assert len(world.has("b", "a")) == 5000


def test_many_removals_do_not_pile_up_for_one_who_hears_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nodes, "MAX_TOMBSTONES", 50)
    world = ReplicationWorld(["a", "b", "c"], LossyNetwork(1))
    world.net.cut.add(frozenset(("a", "b")))
    for i in range(200):
        world.put("a", f"k{i}", "v")
        world.run(0.005)
        world.remove("a", f"k{i}")
        world.run(0.005)
    assert world.nodes["a"]._tables["leases"].tombstone_count() <= 51
    world.put("a", "last", "v")
    world.net.cut.clear()
    world.run(3.0)
    assert world.has("b", "a") == world.has("c", "a") == {"last": "v"}


def test_recordings_change_nothing() -> None:
    world = pair()
    world.put("a", "k", "old")
    world.run(0.1)
    world.put("a", "k", "new")
    world.run(0.1)
    recorded = list(world.net.recorded)
    assert sum(world.receive(to, packet) for to, packet in recorded) == 0, "of this life"
    world.boot("a")
    world.put("a", "k", "newest")
    world.run(0.1)
    assert sum(world.receive(to, packet) for to, packet in recorded) == 0, "of the sender's last life"
    assert world.has("b", "a") == {"k": "newest"}
    world.boot("b")
    assert sum(world.receive(to, packet) for to, packet in recorded) == 0, "of the receiver's last life"
    assert world.nodes["b"].ignored["life"] > 0


def test_a_table_refuses_what_does_not_fit() -> None:
    table = Table(2)
    table.put(b"a", b"")
    table.put(b"b", b"")
    with pytest.raises(TableFull):
        table.put(b"c", b"")
    table.put(b"a", b"new")
    for key, value in ((b"", b""), (b"k" * 65, b""), (b"a", b"v" * (MAX_VALUE + 1))):
        with pytest.raises(ValueError, match="bytes"):
            table.put(key, value)


def test_a_table_that_changes_for_ever_stays_small() -> None:
    table = Table(10)
    for i in range(10_000):
        table.put(b"%d" % (i % 10), b"%d" % i)
    assert len(table._change_log) < 100
    assert [entry.value for entry in table.since(0)] == [b"%d" % i for i in range(9990, 10_000)]
