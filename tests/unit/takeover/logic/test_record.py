"""Which of two records of one connection is the newer."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

import pytest
from twinboot.takeover.logic.record import ConnectionKey, ConnectionKind, ConnectionRecord, SynOptions, newest

KEY = ConnectionKey(IPv4Address("192.168.0.128"), 40000, IPv4Address("192.168.0.253"), 80)
TOLD = ConnectionRecord(KEY, ConnectionKind.HTTP, 0xFFFFFFF0, 1, 0xFFFFFFFA, SynOptions(), SynOptions())


@pytest.mark.parametrize(
    ("left", "wins"),
    [
        (replace(TOLD, client_next=5), True),  # the numbers have wrapped
        (replace(TOLD, client_next=0xFFFFFFF5), False),
        (replace(TOLD, acked_bytes=7), False),
        (replace(TOLD, client_start=0xFFFFFFF1, client_next=5), False),  # another connection of that port
    ],
)
def test_of_what_was_handed_over_only_what_is_farther_on_counts(left: ConnectionRecord, wins: bool) -> None:
    assert newest({KEY: TOLD}, {KEY: left}) == {KEY: left if wins else TOLD}


def test_of_a_holder_that_told_nothing_all_that_was_handed_over_counts() -> None:
    assert newest({}, {KEY: TOLD}) == {KEY: TOLD}
    other = replace(KEY, client_port=40001)
    assert newest({KEY: TOLD}, {other: TOLD}) == {KEY: TOLD}, "the holder knew that it was over"
