"""The protocol of agent and takeover process: both directions come back, and it can grow."""

from __future__ import annotations

import contextlib
import json
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twinboot.agent.metrics import connections
from twinboot.agent.metrics.reference import markdown
from twinboot.takeover.logic.record import ConnectionKey
from twinboot.wire.ipc import takeover as protocol
from twinboot.wire.ipc.takeover import CounterKind, Move, ReportCounter, counters

VIP = IPv4Address("192.168.0.253")
KEY = ConnectionKey(IPv4Address("192.168.0.9"), 4000, VIP, 80).packed()
OF_AGENT: list[protocol.AgentMessage] = [
    *(protocol.MoveRequest(move, VIP, "server1", planned=True, number=3) for move in Move),
    protocol.MoveRequest(Move.CLAIMED, VIP, again=True, number=4),
    protocol.MoveRequest(Move.CLAIMED, VIP, ours=True, number=5),
    protocol.ReportRequest(5), protocol.PeerRecord("server1", KEY, b"v"),
    protocol.PeerRecord("", KEY, None), protocol.PeerReset("server1"), protocol.Replicated(7),
    protocol.Dialects({"vsftpd": "vsftpd-3.0", "httpd": ""}),
]
REPORT = protocol.TakeoverReport((("takeover-limited", "no TCP_REPAIR"),), {"http": 3},
                                 {"reset": {"ftp": 1}}, {counters.SEGMENTS: 9})
OF_TAKEOVER: list[protocol.TakeoverMessage] = [
    protocol.Reply(1), protocol.Reply(2, REPORT), protocol.RecordChange(KEY, b"v"),
    protocol.RecordChange(KEY, None), protocol.ReplicationQuery(3),
    protocol.TakeoverEvent("taken", "a", {"address": "a", "known": 2}, {"changed": 1}, ((1.5, "x", "y"),)),
]


def with_a_new_field(line: bytes) -> bytes:
    return json.dumps({**json.loads(line), "newer": [1]}).encode()


@pytest.mark.parametrize("message", OF_AGENT)
def test_the_agents_messages_come_back_also_with_a_new_field(message: protocol.AgentMessage) -> None:
    line = protocol.agent_line(message)
    assert protocol.parse_agent_line(line) == message
    assert protocol.parse_agent_line(with_a_new_field(line)) == message


@pytest.mark.parametrize("message", OF_TAKEOVER)
def test_the_takeovers_messages_come_back_also_with_a_new_field(message: protocol.TakeoverMessage) -> None:
    line = protocol.takeover_line(message)
    assert protocol.parse_takeover_line(line) == message
    assert protocol.parse_takeover_line(with_a_new_field(line)) == message


def test_unknown_messages_are_values_of_their_own() -> None:
    assert protocol.parse_agent_line(b'{"newer": 1}') == protocol.Unknown()
    assert protocol.parse_agent_line(b'{"do": "juggle", "id": 8}') == protocol.Unknown(8)
    assert protocol.parse_takeover_line(b'{"newer": 1}') == protocol.Unknown()


@given(st.recursive(
    st.none() | st.floats() | st.text() | st.integers(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(
        ["do", "id", "address", "peer", "key", "value", "reset", "replicated"]), inner),
))
def test_any_json_is_a_message_of_the_agent_or_malformed(found: object) -> None:
    with contextlib.suppress(protocol.MalformedMessage):
        protocol.parse_agent_line(json.dumps(found).encode())


def test_a_new_counter_is_one_edit(monkeypatch: pytest.MonkeyPatch) -> None:
    toy = ReportCounter("juggled", CounterKind.COUNTER, "balls in the air", "balls_juggled")
    monkeypatch.setattr(counters, "COUNTERS", (*counters.COUNTERS, toy))
    line = protocol.takeover_line(protocol.Reply(1, protocol.TakeoverReport(counts={toy: 5})))
    reply = protocol.parse_takeover_line(line)
    assert isinstance(reply, protocol.Reply)
    assert reply.report is not None
    summary = {**reply.report.summary(), "takeover": True, "reported": True, "unknown_messages_here": 0,
               "lag_ms": {}, "taken_ms": {}}
    assert summary["juggled"] == 5, "status"
    found = {family.name: family for family in connections.families(summary)}
    assert found["twinboot_balls_juggled"].samples[0].value == 5
    assert found["twinboot_balls_juggled"].documentation == "Balls in the air."
    assert markdown().endswith("\n| `balls_juggled_total` | balls in the air |\n"), "METRICS.md"


def test_each_name_of_a_counter_is_one_counters() -> None:
    """Nor is it a field of the report that means something else."""
    names = [one.name for one in counters.COUNTERS]
    metrics = [one.metric for one in counters.COUNTERS if one.metric]
    assert len(set(names)) == len(names) > 10
    assert len(set(metrics)) == len(metrics)
    assert not {"limits", "followed", "totals"} & set(names)
