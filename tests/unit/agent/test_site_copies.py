"""The copies of the peers' site files, and what `twinboot diff` says of them."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest
from twinboot.agent.replication.site_copies import MAX_ROWS, TABLE, SiteCopies
from twinboot.commands.changing import diff
from twinboot.replication.node import RowChange, TableReset

SMALL = {"groups": {"first": {"address": "192.168.0.253"}}}


@dataclass
class Wire:
    """What server1 puts, server2 is told."""

    rows: dict[bytes, bytes] = field(default_factory=dict)
    listener: SiteCopies | None = None

    def put(self, table: str, key: bytes, value: bytes) -> bool:
        assert table == TABLE
        assert len(value) <= 1000
        self.rows[key] = value
        self._tell(key, value)
        return True

    def remove(self, table: str, key: bytes) -> None:
        del self.rows[key]
        self._tell(key, None)

    def _tell(self, key: bytes, value: bytes | None) -> None:
        if self.listener is not None:
            self.listener.changed(RowChange("server1", TABLE, key, value))


def large(seed: int) -> dict[str, Any]:
    random = Random(seed)
    return {"hosts": {f"host{n}": {"mac": random.randbytes(6).hex(":")} for n in range(2000)}}


@pytest.fixture
def pair() -> tuple[SiteCopies, SiteCopies, Wire]:
    wire = Wire()
    wire.listener = SiteCopies(Wire())
    return SiteCopies(wire), wire.listener, wire


@pytest.mark.parametrize("sites", [[SMALL], [SMALL, large(1)], [large(1), SMALL], [large(1), large(2)]])
def test_a_peer_has_the_site_that_was_published_last(
    pair: tuple[SiteCopies, SiteCopies, Wire], sites: list[dict[str, Any]]
) -> None:
    ours, theirs, _ = pair
    for site in sites:
        ours.publish(site)
    assert theirs.of("server1") == sites[-1]
    assert theirs.of("server2") is None


def test_a_copy_that_is_not_complete_is_none(pair: tuple[SiteCopies, SiteCopies, Wire]) -> None:
    ours, theirs, wire = pair
    ours.publish(large(1))
    theirs.changed(RowChange("server1", TABLE, sorted(wire.rows)[3], None))
    assert theirs.of("server1") is None
    theirs.changed(TableReset("server1", TABLE))
    assert theirs.of("server1") is None


@pytest.mark.parametrize("row", [b"", b"\0", b"\0\0\0\x03abc", b"\0\0\0\x0b" + zlib.compress(b"[1]")])
def test_what_cannot_be_read_is_none(row: bytes) -> None:
    copies = SiteCopies(Wire())
    copies.changed(RowChange("server1", TABLE, b"\0\0", row))
    assert copies.of("server1") is None


def test_rows_without_end_are_not_kept() -> None:
    copies = SiteCopies(Wire())
    for number in range(MAX_ROWS + 10):
        copies.changed(RowChange("server1", TABLE, number.to_bytes(2, "big"), b"x"))
    assert len(copies._peers["server1"]) == MAX_ROWS


def test_the_diff_names_server_entry_and_both_values() -> None:
    reply = {"server": "server1", "peers": {
        "server2": {"known": True, "left_out": 3, "differences": [
            {"path": "groups.first.address", "here": "192.168.0.253", "there": "192.168.0.200"},
        ]},
        "server3": {"known": True, "left_out": 0, "differences": []},
        "server4": {"known": False, "left_out": 0, "differences": []},
    }}
    told = "\n".join(diff.lines(reply))
    for part in ("groups.first.address", "192.168.0.253 on server1", "192.168.0.200 on server2", "3 more"):
        assert part in told
    assert not diff.same_everywhere(reply)
    assert diff.same_everywhere({"peers": {"server3": reply["peers"]["server3"]}})  # type: ignore[index]
