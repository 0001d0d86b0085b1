"""The records of the connections that may come here: what the peers told, what was told by this server's own
takeover process in its last life, and what has left here.

A peer's record stays after its server is dead or has handed the address over. Of a connection that was here
since then it says nothing any more: what was told here is the newer, that it has ended included.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address

from twinboot.takeover.logic.record import ConnectionKey, ConnectionRecord, newest
from twinboot.takeover.logic.record_codec import decode
from twinboot.takeover.logic.tracker import RECORDS_LIMIT

Records = Mapping[ConnectionKey, ConnectionRecord]


@dataclass(slots=True)
class _Released:
    """What connections were when their address left here. told_since: the peers that have told of a
    connection to it since then. lately: a peer may have taken it over and not told of it yet."""

    records: Records
    told_since: set[str] = field(default_factory=set)
    lately: bool = True


class KnownRecords:
    """At most RECORDS_LIMIT of each peer. The peer without a name: the last life's own."""

    def __init__(self) -> None:
        self._peers: dict[str, dict[ConnectionKey, ConnectionRecord]] = {}
        self._released: dict[IPv4Address, _Released] = {}
        self._past: set[ConnectionKey] = set()
        """What this server has told of since it has the address: what peers told of it is from before, and
        so is what left here."""

    def hear_of(self, peer: str) -> None:
        """The peer has told of a connection, perhaps one by TFTP: where it was the holder, of() uses its
        records alone from now on."""
        self._peers.setdefault(peer, {})

    def put(self, peer: str, key: ConnectionKey, raw: bytes | None) -> None:
        """raw None: the connection is over. ValueError when it cannot be read."""
        table = self._peers.setdefault(peer, {})
        if raw is None:
            table.pop(key, None)
            if not peer:
                self._past.add(key)
            elif not self._is_known(key):
                self._past.discard(key)
        elif key in table or len(table) < RECORDS_LIMIT:
            record = decode(raw)
            table[record.key] = record
            if record.key.server in self._released:
                self._released[record.key.server].told_since.add(peer)

    def told_here(self, key: ConnectionKey) -> None:
        """This takeover process has told of a connection here, perhaps that it has ended."""
        if self._is_known(key):
            self._past.add(key)

    def forget_peer(self, peer: str) -> None:
        self._peers.pop(peer, None)
        self._past = {key for key in self._past if self._is_known(key)}

    def forget_peers(self) -> None:
        """Forgets the peers' records: they are told anew."""
        self._peers.clear()

    def release(self, address: IPv4Address, records: Records) -> None:
        """Keeps the records of the connections of an address that leaves here."""
        self._released[address] = _Released(records)
        self._past -= records.keys()

    def end_hand_over(self, records: Records) -> None:
        """Whoever has the address since these records left here has told of its connections by now."""
        for left in self._released.values():
            left.lately = left.lately and left.records is not records

    def forget_released(self, records: Records) -> None:
        self._released = {one: left for one, left in self._released.items() if left.records is not records}
        self._past = {key for key in self._past if self._is_known(key)}

    def of(self, address: IPv4Address, holder: str) -> dict[ConnectionKey, ConnectionRecord]:
        """Those that come here with an address that another server had last: what it told; of all, when it is
        not known who that was. Of what has left here for it what was farther on, and all when it has told of
        none since then. What has left here is forgotten."""
        self._past = {key for key in self._past if key.server != address}
        is_known = holder in self._peers
        told = _of_address([self._peers[holder]] if is_known else self._tables(), address)
        left = self._released.pop(address, None)
        if left is None or (holder and not left.lately):
            return told
        if not told and (holder in left.told_since if is_known else left.told_since):
            return {}  # they have ended there
        return newest(told, left.records)

    def of_ours(self, address: IPv4Address) -> dict[ConnectionKey, ConnectionRecord]:
        """Those of an address that this server had last itself: what has left here, and what peers had told
        before. Not what was told here since: that is here, or has ended. What was not is still to be decided,
        for instance as the address had vanished in the midst of a claim."""
        left = self._released.get(address)
        known = {**_of_address(self._tables(), address), **(left.records if left is not None else {})}
        return {key: one for key, one in known.items() if key not in self._past}

    def take_own(self, address: IPv4Address) -> dict[ConnectionKey, ConnectionRecord]:
        """What this server's takeover process told of the address in its last life; once."""
        own = self._peers.get("", {})
        return {key: own.pop(key) for key in [key for key in own if key.server == address]}

    def _tables(self) -> list[dict[ConnectionKey, ConnectionRecord]]:
        """All that were told, the last life's own at the end: it is the newest."""
        return [*(table for peer, table in self._peers.items() if peer), self._peers.get("", {})]

    def _is_known(self, key: ConnectionKey) -> bool:
        """Whether a peer has told of it, or it has left here."""
        left = self._released.get(key.server)
        return (left is not None and key in left.records) or any(
            key in table for peer, table in self._peers.items() if peer)


def _of_address(
    tables: list[dict[ConnectionKey, ConnectionRecord]], address: IPv4Address
) -> dict[ConnectionKey, ConnectionRecord]:
    """The last table's word counts."""
    return {key: one for table in tables for key, one in table.items() if key.server == address}
