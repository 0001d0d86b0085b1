"""`twinboot adopter`: the process that carries clients' connections over from one server to the next.

It has a socket of its own on which the agent tells it of moves and of the peers' records, one JSON object
a line, and is told this server's records:

    agent:   {"known": n}                      all peers know what was told before the "told" of that number
             {"do": "claiming" | "claimed" | "releasing" | "released", "id": n, "address": a, "planned": b,
             "holder": name of the server that had it, or empty}     {"do": "report", "id": n}
             {"peer": name, "key": base64, "value": base64 | null}     {"peer": name, "reset": true}
    adopter: {"id": n}   {"id": n, "report": {...}}   {"key": base64, "value": base64 | null}   {"told": n}
             {"event": name, "fields": {...}, "diary": [[time, name, words], ...]}

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
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from twinboot.adapters import clock
from twinboot.errors import ResourceError
from twinboot.takeover.logic.connection_table import LIMIT
from twinboot.takeover.logic.protocols import tftp
from twinboot.takeover.logic.record import Key, Kind, Record
from twinboot.takeover.logic.record_codec import decode, encode
from twinboot.takeover.logic.tracker import Tracker

from ...kernel import sock_diag
from ...kernel.nflog import ThrownAway
from .capture.capture import Capture
from .capture.recorder import Recorder
from .claim.moves import Mode, Moves
from .input_hold import Gate
from .nftables import Filter
from .outcome import Outcome
from .published.boot_files import BootFiles
from .published.tree import Tree
from .serve.tftp_session import Tftp
from .stall_recovery import Nudging
from .tcp_probe import Voice

log = logging.getLogger(__name__)

REMEMBERED_S = 10.0
LINE_LIMIT = 64 << 10
BACKLOG_BYTES = 16 << 20
"""What an agent may leave unread; one that leaves more does not live, and is told all anew when it does."""


@dataclass(frozen=True, slots=True)
class Means:
    """What there is to work with. faults: what is not, in words."""

    capture: Capture | None
    shield: Filter
    modes: Mapping[Kind, Mode]
    faults: tuple[str, ...] = ()
    thrown_away: ThrownAway | None = None
    """What clients say, to be held until the peers know of it."""


class Process:
    """One server's adopter. All on one loop; nothing here waits but for the kernel's short answers."""

    def __init__(self, interface: str, tree: Tree, boot: BootFiles, means: Means) -> None:
        tracker = Tracker(tree.look, look_at_listing=tree.look_at_listing)
        self._faults = means.faults
        self._gate = Gate(means.shield, self._ask_known, wanted=means.thrown_away is not None)
        self._moves = Moves(interface, tree, means.shield, means.modes, tracker, self._outcome)
        self._recorder = Recorder(means.capture, tracker, self._tell, self._gate,
                                  means.thrown_away, self._moves)
        self._nudging = Nudging(Voice(), lambda: tracker.addresses, tracker.begins)
        self._peers: dict[str, dict[Key, Record]] = {}
        self._totals: Counter[tuple[str, str]] = Counter()
        self._agent: asyncio.StreamWriter | None = None
        self._tftp: Tftp | None = None
        if means.capture is not None and Mode.ON in means.modes.values():
            self._tftp = Tftp(interface, boot, self._tell_value, self._download_goes_on)

    async def serve(self, path: Path) -> None:
        """Until cancelled."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
        server = await asyncio.start_unix_server(self._connected, path, limit=LINE_LIMIT)
        os.chmod(path, 0o600)
        self._recorder.start()
        if self._tftp is not None:
            self._tftp.start()
        try:
            await self._nudging.run()  # serve_forever would wait for the agent to leave, when cancelled
        finally:
            server.close()
            if self._tftp is not None:
                self._tftp.close()
            await self._moves.close(self._recorder.tracker.addresses)
            self._recorder.captured()
            self._recorder.flush(everything=True)
            self._recorder.close()

    # The agent ----------------------------------------------------------------------------------

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """The newest agent is the one; an older connection is left."""
        if self._agent is not None:
            self._agent.close()
        self._agent = writer
        self._peers.clear()
        for record in self._recorder.tracker.records():
            self._tell(record.key, record)
        if self._tftp is not None:
            self._tftp.told_anew()
        try:
            while line := await reader.readline():
                self._told(json.loads(line))
        except (OSError, ValueError, KeyError, TypeError) as exc:
            log.warning("the agent's line was not understood or cut off: %s", exc)
        finally:
            if self._agent is writer:
                self._agent = None
            writer.close()

    def _told(self, line: dict[str, Any]) -> None:
        if "known" in line:
            self._gate.known(int(line["known"]))
        elif line.get("do") == "report":
            self._say({"id": line["id"], "report": self._report()})
        elif "do" in line:
            self._do(str(line["do"]), IPv4Address(line["address"]), planned=bool(line.get("planned")),
                     holder=str(line.get("holder", "")), again=bool(line.get("again")))
            self._say({"id": line["id"]})
        elif line.get("reset"):
            self._peers.pop(line["peer"], None)
            if self._tftp is not None:
                self._tftp.forget_peer(line["peer"])
        else:
            self._peer_record(line["peer"], line["key"], line["value"])

    def _report(self) -> dict[str, Any]:
        """How it goes: for status, metrics and alarms of the agent."""
        totals: dict[str, dict[str, int]] = {}
        for (service, what), count in sorted(self._totals.items()):
            totals.setdefault(what, {})[service] = count
        return {"faults": list(self._faults), **self._recorder.report(), "serving": self._moves.serving,
                "totals": totals, "cpu_s": round(time.process_time(), 3)}

    def _do(self, what: str, address: IPv4Address, *, planned: bool, holder: str, again: bool) -> None:
        recorder, moves = self._recorder, self._moves
        try:
            if what == "claiming":
                moves.claiming(address)
            elif what == "claimed":
                recorder.watch(recorder.tracker.addresses | {address})
                known = self._known(address, holder)
                if again:
                    moves.claiming(address)  # what an adopter leaves that is killed nobody may refuse
                    known = self._left(address, known)
                moves.claimed(address, known, planned=planned)
                if self._tftp is not None:
                    self._tftp.claimed(address, holder)
            elif what == "releasing":
                recorder.captured()
                moves.releasing(address)
                recorder.captured()
                recorder.flush(everything=True)
                self._gate.leave(address)
            elif what == "released":
                moves.released(address)
                if self._tftp is not None:
                    self._tftp.released(address)
                recorder.watch(recorder.tracker.addresses - {address})
                gone = recorder.tracker.release(address)
                asyncio.get_running_loop().call_later(REMEMBERED_S, self._forget, gone)
        except ResourceError as exc:
            log.warning("%s %s: %s", what, address, exc)

    def _forget(self, keys: list[Key]) -> None:
        """Only now: the taker must find them when it claims, however late it hears of the release."""
        for key in keys:
            if self._recorder.tracker.record(key) is None:
                self._tell(key, None)

    def _peer_record(self, peer: str, key: str, value: str | None) -> None:
        table = self._peers.setdefault(peer, {})
        try:
            name = Key.unpack(base64.b64decode(key))
            raw = base64.b64decode(value) if value is not None else None
            if name.server_port == tftp.PORT:
                if self._tftp is not None:
                    self._tftp.peer(peer, name, raw)
            elif raw is None:
                table.pop(name, None)
            elif name in table or len(table) < LIMIT:
                record = decode(raw)
                table[record.key] = record
        except (ValueError, binascii.Error) as exc:
            log.debug("a record of %s was not read: %s", peer, exc)

    def _known(self, address: IPv4Address, holder: str) -> dict[Key, Record]:
        """What the last holder told of the address; of all, when it is not known who that was: then what our
        own adopter told is the newest."""
        peers = [table for peer, table in self._peers.items() if peer]
        tables = [self._peers[holder]] if holder in self._peers else [*peers, self._peers.get("", {})]
        return {key: one for table in tables for key, one in table.items() if key.server == address}

    def _left(self, address: IPv4Address, known: dict[Key, Record]) -> dict[Key, Record]:
        """This adopter is new, its address is not. Connections that the services here have are followed
        again from where the adopter before this one told of them; the others were its own, and are asked."""
        alive, mine = sock_diag.connections(frozenset((address,)), ending=True), self._peers.get("", {})
        for key in [key for key in mine if key.server == address]:
            record = mine.pop(key)
            if key not in alive:
                self._tell(key, None)
            elif self._recorder.tracker.record(key) is None:
                self._recorder.tracker.seed(record)
        self._recorder.flush()
        return {key: record for key, record in known.items() if key not in alive}

    def _outcome(self, outcome: Outcome) -> None:
        self._totals.update(outcome.counts)
        self._say({"event": "connections-adopted", "fields": outcome.as_fields(), "reset": outcome.reset,
                   "diary": outcome.diary.events})

    def _download_goes_on(self, address: IPv4Address, facts: dict[str, str | int | float]) -> None:
        """By TFTP."""
        self._say({"event": "tftp-adopted", "fields": {"address": str(address), **facts},
                   "diary": [[clock.now(), "adopted", f"TFTP of {facts['client']}"]]})

    def _ask_known(self, number: int) -> bool:
        if self._agent is not None and number:
            self._say({"told": number})
        return self._agent is not None

    def _tell(self, key: Key, record: Record | None) -> None:
        self._tell_value(key, encode(record) if record is not None else None)

    def _tell_value(self, key: Key, value: bytes | None) -> None:
        self._say({
            "key": base64.b64encode(key.packed()).decode(),
            "value": base64.b64encode(value).decode() if value is not None else None,
        })

    def _say(self, line: dict[str, Any]) -> None:
        agent = self._agent
        if agent is None:
            return
        if agent.transport.get_write_buffer_size() > BACKLOG_BYTES:
            agent.transport.abort()
            return
        agent.write(json.dumps(line).encode() + b"\n")
