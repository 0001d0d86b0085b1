"""`twinboot adopter`: the process that carries clients' connections over from one server to the next.

It has a socket of its own on which the agent tells it of moves and of the peers' records, one JSON object
a line, and is told this server's records:

    agent:   {"do": "claiming" | "claimed" | "releasing" | "released", "id": n, "address": a, "planned": b,
             "holder": name of the server that had it, or empty}
             {"peer": name, "key": base64, "value": base64 | null}     {"peer": name, "reset": true}
    adopter: {"id": n}   {"key": base64, "value": base64 | null}   {"event": name, "fields": {...},
             "diary": [[time, name, words], ...]}

When the agent goes away the peers' records are forgotten; it tells them anew when it is back.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import json
import logging
import os
from collections.abc import Mapping
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from twinboot.adopt.record import Key, Kind, Record, decode, encode
from twinboot.adopt.tracker import Tracker
from twinboot.errors import ResourceError

from . import diag
from .capture import Capture
from .claim import Outcome
from .files import Tree
from .moves import Mode, Moves
from .shield import Shield

log = logging.getLogger(__name__)

GATHER_S = 0.001
COMPARE_EVERY_S = 2.0
REMEMBERED_S = 10.0
LINE_LIMIT = 64 << 10


class Process:
    """One server's adopter. All on one loop; nothing here waits but for the kernel's short answers."""

    def __init__(self, interface: str, tree: Tree, modes: Mapping[Kind, Mode]) -> None:
        self._tracker = Tracker(tree.look)
        self._capture = Capture(interface)
        self._moves = Moves(interface, tree, Shield(), modes, self._tracker.seed, self._outcome)
        self._peers: dict[str, dict[Key, Record]] = {}
        self._agent: asyncio.StreamWriter | None = None
        self._flushing: asyncio.TimerHandle | None = None

    async def serve(self, path: Path) -> None:
        """Until cancelled."""
        loop = asyncio.get_running_loop()
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
        server = await asyncio.start_unix_server(self._connected, path, limit=LINE_LIMIT)
        os.chmod(path, 0o600)
        loop.add_reader(self._capture.fileno(), self._captured)
        comparing = asyncio.create_task(self._compare())
        try:
            await server.serve_forever()
        finally:
            comparing.cancel()
            loop.remove_reader(self._capture.fileno())
            self._capture.close()
            await self._moves.close()

    # The agent ----------------------------------------------------------------------------------

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """The newest agent is the one; an older connection is left."""
        if self._agent is not None:
            self._agent.close()
        self._agent = writer
        self._peers.clear()
        for record in self._tracker.records():
            self._tell(record.key, record)
        try:
            while line := await reader.readline():
                self._told(json.loads(line))
                await writer.drain()
        except (OSError, ValueError, KeyError, TypeError) as exc:
            log.warning("the agent's line was not understood or cut off: %s", exc)
        finally:
            if self._agent is writer:
                self._agent = None
            writer.close()

    def _told(self, line: dict[str, Any]) -> None:
        if "do" in line:
            self._do(str(line["do"]), IPv4Address(line["address"]), planned=bool(line.get("planned")),
                     holder=str(line.get("holder", "")))
            self._say({"id": line["id"]})
        elif line.get("reset"):
            self._peers.pop(line["peer"], None)
        else:
            self._peer_record(line["peer"], line["key"], line["value"])

    def _do(self, what: str, address: IPv4Address, *, planned: bool, holder: str) -> None:
        try:
            if what == "claiming":
                self._moves.claiming(address)
            elif what == "claimed":
                self._watch(self._tracker.addresses | {address})
                self._moves.claimed(address, self._known(address, holder), planned=planned)
            elif what == "releasing":
                self._captured()
                lost = [one.key for one in self._tracker.records()
                        if one.key.server == address and not one.known]
                self._moves.releasing(address, lost)
                self._flush()
            elif what == "released":
                self._moves.released(address)
                self._watch(self._tracker.addresses - {address})
                gone = self._tracker.release(address)
                asyncio.get_running_loop().call_later(REMEMBERED_S, self._forget, gone)
        except ResourceError as exc:
            log.warning("%s %s: %s", what, address, exc)

    def _forget(self, keys: list[Key]) -> None:
        """Only now: the taker must find them when it claims, however late it hears of the release."""
        for key in keys:
            if self._tracker.record(key) is None:
                self._tell(key, None)

    def _peer_record(self, peer: str, key: str, value: str | None) -> None:
        table = self._peers.setdefault(peer, {})
        try:
            name = Key.unpack(base64.b64decode(key))
            if value is None:
                table.pop(name, None)
            else:
                record = decode(base64.b64decode(value))
                table[record.key] = record
        except (ValueError, binascii.Error) as exc:
            log.debug("a record of %s was not read: %s", peer, exc)

    def _known(self, address: IPv4Address, holder: str) -> dict[Key, Record]:
        """What the last holder told of the address; of all peers, when it is not known who that was."""
        tables = [self._peers[holder]] if holder in self._peers else list(self._peers.values())
        return {key: one for table in tables for key, one in table.items() if key.server == address}

    def _outcome(self, outcome: Outcome) -> None:
        self._say({"event": "connections-adopted", "fields": outcome.as_fields(), "reset": outcome.reset,
                   "diary": outcome.diary.events})

    # The wire -----------------------------------------------------------------------------------

    def _watch(self, addresses: set[IPv4Address]) -> None:
        self._tracker.addresses = set(addresses)
        self._capture.watch(sorted(addresses))

    def _captured(self) -> None:
        try:
            for segment in self._capture.read():
                self._tracker.segment(segment)
        except ResourceError as exc:
            log.warning("%s", exc)
        if self._flushing is None:
            self._flushing = asyncio.get_running_loop().call_later(GATHER_S, self._flush)

    def _flush(self) -> None:
        if self._flushing is not None:
            self._flushing.cancel()
            self._flushing = None
        for key, record in self._tracker.changes():
            self._tell(key, record)

    async def _compare(self) -> None:
        """Every two seconds: what the kernel has, and whether frames were lost."""
        while True:
            await asyncio.sleep(COMPARE_EVERY_S)
            try:
                if self._tracker.addresses:
                    self._tracker.retain(diag.connections(frozenset(self._tracker.addresses)))
                    self._flush()
                lost = self._capture.check()
            except ResourceError as exc:
                log.warning("%s", exc)
                continue
            if lost:
                log.warning("%d frames were not seen: some connections may be known in part", lost)

    def _tell(self, key: Key, record: Record | None) -> None:
        value = encode(record) if record is not None else None
        self._say({
            "key": base64.b64encode(key.packed()).decode(),
            "value": base64.b64encode(value).decode() if value is not None else None,
        })

    def _say(self, line: dict[str, Any]) -> None:
        if self._agent is not None:
            self._agent.write(json.dumps(line).encode() + b"\n")
