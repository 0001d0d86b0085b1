"""`twinboot takeover`: the process that carries clients' connections over from one server to the next.

It has a socket of its own on which the agent tells it of moves and of the peers' records, and is told this
server's records: wire/ipc/takeover.

When the agent goes away the peers' records are forgotten; it tells them anew when it is back.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections import Counter
from collections.abc import Mapping
from ipaddress import IPv4Address
from pathlib import Path

from twinboot import paths
from twinboot.adapters import clock
from twinboot.daemons import HTTPD, VSFTPD
from twinboot.errors import ResourceError
from twinboot.takeover.logic.protocols.tftp_packets import PORT as TFTP_PORT
from twinboot.takeover.logic.protocols.vsftpd_texts import DIALECT
from twinboot.takeover.logic.record import ConnectionKey, ConnectionKind, ConnectionRecord
from twinboot.takeover.logic.record_codec import encode
from twinboot.takeover.logic.tracker import ConnectionTracker
from twinboot.wire.ipc import takeover as protocol
from twinboot.wire.ipc.takeover import (
    BACKLOG_BYTES,
    LINE_LIMIT,
    Move,
    MoveRequest,
    ReportCounter,
    counters,
)

from . import kernel_connections, liveness
from .capabilities import Capabilities, Limit, foreign_ftp, overrun, unshielded
from .capture.recorder import ConnectionRecorder
from .claim.known_records import KnownRecords
from .claim.moves import MoveHandler, TakeoverMode
from .input_hold import InputHold
from .outcome import ClaimOutcome
from .published.boot_files import BootFiles
from .published.tree import PublishedTree
from .serve.tftp_session import TftpTakeover
from .stall_recovery import StallRecovery
from .tcp_probe import RawTcpSender

log = logging.getLogger(__name__)

KEEP_RELEASED_S = 10.0
"""So long the next holder of an address may need what was told of its connections here."""
KEEP_FOR_OURSELVES_S = 300.0
"""So long in case nobody else takes it: a switch is restarted, a cable mended, the sidecar's image swapped. A
client that waits for data has nothing to send again, so TCP does not give up for it meanwhile."""


class TakeoverProcess:
    """One server's takeover process. All on one loop; nothing here waits but for the kernel's short
    answers."""

    def __init__(
        self, interface: str, tree: PublishedTree, boot: BootFiles, capabilities: Capabilities
    ) -> None:
        tracker = ConnectionTracker(
            tree.file_facts, listing_facts=tree.listing_facts, web_listing_facts=tree.web_listing_facts,
            offer=kernel_connections.offered_options())
        self._limits, self._rules = capabilities.limits, capabilities.rules
        self._input_hold = InputHold(
            capabilities.rules, self._ask_replicated, enabled=capabilities.netfilter_log is not None
        )
        self._moves = MoveHandler(
            interface, tree, capabilities.rules, capabilities.modes, tracker, self._report_outcome
        )
        self._recorder = ConnectionRecorder(
            capabilities.capture,
            tracker,
            self._send_record,
            self._input_hold,
            capabilities.netfilter_log,
            self._moves,
        )
        self._stall_recovery = StallRecovery(
            RawTcpSender(), lambda: tracker.addresses, tracker.sequence_origin
        )
        self._known = KnownRecords()
        self._released_at: dict[IPv4Address, float] = {}
        """When an address left here last, on the loop's clock."""
        self._away_s: dict[IPv4Address, float] = {}
        """How long nobody had an address at most, since another server had it last."""
        self._foreign_ftp: str | None = None
        """What the image of the FTP service names, when it is not what is spoken here."""
        self._totals: Counter[tuple[str, str]] = Counter()
        self._agent: asyncio.StreamWriter | None = None
        self._unknown_messages = 0
        """Messages of a newer agent, which were skipped."""
        self._tftp: TftpTakeover | None = None
        if capabilities.capture is not None and TakeoverMode.ON in capabilities.modes.values():
            self._tftp = TftpTakeover(interface, boot, self._send_raw_record, self._report_tftp_takeover)

    async def serve(self, path: Path) -> None:
        """Serves until it is cancelled."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
        server = await asyncio.start_unix_server(self._connected, path, limit=LINE_LIMIT)
        os.chmod(path, 0o600)
        health = await liveness.serve_health(path.with_name(paths.TAKEOVER_HEALTH_SOCKET.name))
        self._rules.watch()
        self._recorder.start()
        if self._tftp is not None:
            self._tftp.start()
        try:
            # serve_forever would wait for the agent to leave, when cancelled
            await liveness.run_until_one_ends(self._stall_recovery.run(), *self._recorder.tasks())
        finally:
            server.close()
            health.close()
            if self._tftp is not None:
                self._tftp.close()
            await self._moves.close(self._recorder.tracker.addresses)
            self._recorder.on_packets()
            self._recorder.flush(everything=True)
            self._recorder.close()

    # The agent ----------------------------------------------------------------------------------

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """The newest agent is the one; an older connection is left."""
        if self._agent is not None:
            self._agent.close()
        self._agent = writer
        self._known.forget_peers()
        for record in self._recorder.tracker.records():
            self._send_record(record.key, record)
        if self._tftp is not None:
            self._tftp.resend_all()
        try:
            while line := await reader.readline():
                self._on_agent_message(protocol.parse_agent_line(line))
        except (OSError, ValueError) as exc:
            log.warning("the agent's line was not understood or cut off: %s", exc)
        finally:
            if self._agent is writer:
                self._agent = None
            writer.close()

    def _on_agent_message(self, message: protocol.AgentMessage | protocol.Unknown) -> None:
        match message:
            case protocol.Replicated():
                self._input_hold.replicated(message.number)
            case protocol.ReportRequest():
                self._send(protocol.Reply(message.number, self._report()))
            case MoveRequest():
                self._on_move(message)
                self._send(protocol.Reply(message.number))
            case protocol.Dialects():
                self._set_dialects(message.by_service)
            case protocol.PeerReset():
                self._known.forget_peer(message.peer)
                if self._tftp is not None:
                    self._tftp.forget_peer(message.peer)
            case protocol.PeerRecord():
                self._peer_record(message.peer, message.key, message.value)
            case protocol.Unknown():
                self._unknown_messages += 1
                if message.number is not None:
                    self._send(protocol.Reply(message.number))  # nobody waits for what is not known here

    def _set_dialects(self, by_service: Mapping[str, str]) -> None:
        """Takes the dialects that the images of the services here name."""
        ftp, http = by_service.get(VSFTPD.name), by_service.get(HTTPD.name)
        named = {ConnectionKind.FTP_CONTROL: ftp, ConnectionKind.HTTP: http}
        self._recorder.tracker.set_dialects({kind: one for kind, one in named.items() if one is not None})
        self._moves.http_dialect = http
        self._foreign_ftp = ftp if ftp != DIALECT else None

    def _report(self) -> protocol.TakeoverReport:
        """How it goes: for status, metrics and alarms of the agent."""
        totals: dict[str, dict[str, float]] = {}
        for (service, what), count in sorted(self._totals.items()):
            totals.setdefault(what, {})[service] = count
        counts: dict[ReportCounter, float] = {
            **self._recorder.counts(),
            counters.TFTP_NOT_FOLLOWED: self._tftp.not_followed if self._tftp is not None else 0,
            counters.SERVING: self._moves.serving,
            counters.CPU_S: round(time.process_time(), 3),
            counters.RULES_LAID_AGAIN: self._rules.laid_again,
            counters.UNKNOWN_MESSAGES: self._unknown_messages,
        }
        fault = self._rules.fault
        lacking = (*self._limits, *([unshielded(fault)] if fault else ()), *self._unspoken(),
                   *([overrun(what)] if (what := self._recorder.overrun) else ()))
        limits = tuple(limit.as_pair() for limit in lacking)
        return protocol.TakeoverReport(limits, self._recorder.followed(), totals, counts)

    def _unspoken(self) -> list[Limit]:
        if self._foreign_ftp is None or self._moves.mode(ConnectionKind.FTP_CONTROL) is not TakeoverMode.ON:
            return []
        return [foreign_ftp(self._foreign_ftp)]

    def _on_move(self, request: MoveRequest) -> None:
        recorder, moves, address = self._recorder, self._moves, request.address
        try:
            match request.move:
                case Move.CLAIMING:
                    moves.claiming(address)
                    # Already now: who connects as soon as it is up would not be seen to begin.
                    recorder.set_addresses(recorder.tracker.addresses | {address})
                case Move.CLAIMED:
                    self._on_claimed(request)
                case Move.RELEASING:
                    recorder.on_packets()
                    moves.releasing(address)
                    recorder.on_packets()
                    recorder.note_progress(address)
                    recorder.flush(everything=True)
                    if self._tftp is not None:
                        self._tftp.releasing(address)
                    self._input_hold.forget_address(address)
                case Move.RELEASED:
                    undecided = moves.released(address)
                    if self._tftp is not None:
                        self._tftp.released(address)
                    recorder.set_addresses(recorder.tracker.addresses - {address})
                    records = {**{one.key: one for one in recorder.tracker.records()
                                  if one.key.server == address}, **undecided}
                    self._known.release(address, records)
                    gone = recorder.tracker.release(address)
                    loop = asyncio.get_running_loop()
                    self._released_at[address] = loop.time()
                    loop.call_later(KEEP_RELEASED_S, self._end_hand_over, gone, records)
                    loop.call_later(KEEP_FOR_OURSELVES_S, self._known.forget_released, records)
        except ResourceError as exc:
            log.warning("%s %s: %s", request.move.value, address, exc)

    def _on_claimed(self, request: MoveRequest) -> None:
        recorder, moves, address = self._recorder, self._moves, request.address
        ours = request.ours or request.again
        known = self._known.of_ours(address) if ours else self._known.of(address, request.holder)
        if request.again:
            moves.claiming(address)  # what a takeover process leaves that is killed nobody may refuse
        try:
            recorder.set_addresses(recorder.tracker.addresses | {address})
            known = self._inherit(address, known) if request.again else known
        except ResourceError as exc:  # what is lost by it is less than without a claim
            log.warning("claimed %s: %s", address, exc)
            known = {} if request.again else known
        now = asyncio.get_running_loop().time()
        away_s = now - self._released_at.pop(address, now)
        nobody = ours or not request.holder
        self._away_s[address] = max(away_s, self._away_s.get(address, 0.0)) if nobody else 0.0
        moves.claimed(address, known, planned=request.planned, away_s=self._away_s[address])
        if self._tftp is not None:
            self._tftp.claimed(address, request.holder, again=request.again, ours=request.ours)

    def _end_hand_over(
        self, keys: list[ConnectionKey], records: Mapping[ConnectionKey, ConnectionRecord]
    ) -> None:
        """Only now: the taker must find them when it claims, however late it hears of the release."""
        self._known.end_hand_over(records)
        for key in keys:
            if self._recorder.tracker.record(key) is None:
                self._send_raw_record(key, None)  # it has left here, not ended

    def _peer_record(self, peer: str, key: bytes, raw: bytes | None) -> None:
        self._known.hear_of(peer)
        try:
            name = ConnectionKey.unpack(key)
            if name.server_port == TFTP_PORT:
                if self._tftp is not None:
                    self._tftp.peer_record(peer, name, raw)
            else:
                self._known.put(peer, name, raw)
        except ValueError as exc:
            log.debug("a record of %s was not read: %s", peer, exc)

    def _inherit(
        self, address: IPv4Address, known: dict[ConnectionKey, ConnectionRecord]
    ) -> dict[ConnectionKey, ConnectionRecord]:
        """This takeover process is new, its address is not. Connections that the services here have are
        followed again from where the takeover process before this one told of them; the others were its own,
        and are asked."""
        alive = kernel_connections.list_connections({address}, ending=True)
        for key, record in self._known.take_own(address).items():
            if key not in alive:
                self._send_record(key, None)
            elif self._recorder.tracker.record(key) is None:
                self._recorder.tracker.seed(record)
        self._recorder.flush()
        return {key: record for key, record in known.items() if key not in alive}

    def _report_outcome(self, outcome: ClaimOutcome) -> None:
        self._totals.update(outcome.counts)
        self._send(outcome.as_event())

    def _report_tftp_takeover(self, address: IPv4Address, facts: dict[str, str | int | float]) -> None:
        """Reports what was taken over by TFTP."""
        events = ((clock.now(), "taken-over", f"TFTP of {facts['client']}"),)
        fields: dict[str, protocol.Fact] = {"address": str(address), **facts}
        self._send(protocol.TakeoverEvent("tftp-taken-over", str(address), fields, timeline=events))

    def _ask_replicated(self, number: int) -> bool:
        if self._agent is not None and number:
            self._send(protocol.ReplicationQuery(number))
        return self._agent is not None

    def _send_record(self, key: ConnectionKey, record: ConnectionRecord | None) -> None:
        self._known.told_here(key)
        self._send_raw_record(key, encode(record) if record is not None else None)

    def _send_raw_record(self, key: ConnectionKey, value: bytes | None) -> None:
        self._send(protocol.RecordChange(key.packed(), value))

    def _send(self, message: protocol.TakeoverMessage) -> None:
        agent = self._agent
        if agent is None:
            return
        if agent.transport.get_write_buffer_size() > BACKLOG_BYTES:
            agent.transport.abort()
            return
        agent.write(protocol.takeover_line(message))
