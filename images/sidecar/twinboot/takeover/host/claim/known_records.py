"""The records of the connections that may come here: what the peers told, what was told by this server's own
takeover process in its last life, and what has just left here.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address

from twinboot.takeover.logic.record import ConnectionKey, ConnectionRecord, newest
from twinboot.takeover.logic.record_codec import decode
from twinboot.takeover.logic.tracker import RECORDS_LIMIT

Records = Mapping[ConnectionKey, ConnectionRecord]


class KnownRecords:
    """At most RECORDS_LIMIT of each peer. The peer without a name: the last life's own."""

    def __init__(self) -> None:
        self._peers: dict[str, dict[ConnectionKey, ConnectionRecord]] = {}
        self._released: dict[IPv4Address, Records] = {}
        """What connections were when their address left here, until forget_released()."""

    def hear_of(self, peer: str) -> None:
        """The peer has told of a connection, perhaps one by TFTP: where it was the holder, of() uses its
        records alone from now on."""
        self._peers.setdefault(peer, {})

    def put(self, peer: str, key: ConnectionKey, raw: bytes | None) -> None:
        """raw None: the connection is over. ValueError when it cannot be read."""
        table = self._peers.setdefault(peer, {})
        if raw is None:
            table.pop(key, None)
        elif key in table or len(table) < RECORDS_LIMIT:
            record = decode(raw)
            table[record.key] = record

    def forget_peer(self, peer: str) -> None:
        self._peers.pop(peer, None)

    def forget_peers(self) -> None:
        """Forgets the peers' records: they are told anew."""
        self._peers.clear()

    def release(self, address: IPv4Address, records: Records) -> None:
        """Keeps the records of the connections of an address that leaves here."""
        self._released[address] = records

    def forget_released(self, records: Records) -> None:
        self._released = {one: left for one, left in self._released.items() if left is not records}

    def of(self, address: IPv4Address, holder: str) -> dict[ConnectionKey, ConnectionRecord]:
        """What the last holder told of the address; of all, when it is not known who that was: then what our
        own takeover process told is the newest."""
        peers = [table for peer, table in self._peers.items() if peer]
        tables = [self._peers[holder]] if holder in self._peers else [*peers, self._peers.get("", {})]
        return {key: one for table in tables for key, one in table.items() if key.server == address}

    def newest(self, address: IPv4Address, told: Records) -> dict[ConnectionKey, ConnectionRecord]:
        """The records that were told and those that have left here, the newer of each."""
        return newest(told, self._released.get(address, {}))

    def take_own(self, address: IPv4Address) -> dict[ConnectionKey, ConnectionRecord]:
        """What this server's takeover process told of the address in its last life; once."""
        own = self._peers.get("", {})
        return {key: own.pop(key) for key in [key for key in own if key.server == address]}
