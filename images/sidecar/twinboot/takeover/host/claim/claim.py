"""Takes over the connections of one address that has just been claimed: probe, plan, rebuild, serve.

Each connection is handled as soon as its client's position is final; a slow client delays no other. A
connection that cannot be continued is reset, so that its client knows at once. A client that answers nothing
is `silent`: its connection is not taken over, and it may wait in vain. Owns the order of these steps; the
kernel's part is in tcp_repair, tcp_probe, conntrack and nftables.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from ipaddress import IPv4Address
from typing import Any, Protocol

from twinboot.errors import ResourceError
from twinboot.takeover.logic.plan import (
    ClientPosition,
    Rebuild,
    Reset,
    TakeoverPlan,
    carries_transfer,
    plan_takeover,
    speaks_here,
    with_server_start,
)
from twinboot.takeover.logic.probe import ProbeWay, probe_of
from twinboot.takeover.logic.protocols.ftp import Channel, Session
from twinboot.takeover.logic.record import ConnectionKey, ConnectionKind, ConnectionRecord
from twinboot.takeover.logic.tcp import seq as sequence
from twinboot.takeover.logic.tcp.segment import ACK, RST, SYN, Segment

from ..outcome import ClaimOutcome, service_of
from ..published.tree import PublishedTree
from ..rebuild import rebuild
from ..serve import ftp_session, http_session
from ..serve.ftp_data import FIRST_PORT, DataChannel
from ..serve.sending import (
    SendError,
    configure_socket,
    deliver_and_close,
    log_level,
    reset,
    send,
    split_pieces,
)
from ..tcp_probe import ProbeReplies, RawTcpSender
from . import connection_tracking
from .inquiry import ASK_AGAIN_S, GIVE_UP_S, ClientInquiry
from .transfers import Transfers

log = logging.getLogger(__name__)

ALREADY_SENT_LIMIT = 256 << 20
"""Bytes put into send queues as already sent, for all clients of an address together."""
Spawn = Callable[[Coroutine[Any, Any, None]], None]


class ConnectionFollower(Protocol):
    """Tracks connections once they are taken over: takeover.logic.tracker.ConnectionTracker."""

    def seed(self, record: ConnectionRecord, origin: tuple[int, int]) -> None: ...
    def passive_port_agreed(self, control: ConnectionKey, port: int) -> None: ...
    def passive_port_learned(self, control: ConnectionKey, port: int) -> None: ...
    def server_sent(self, key: ConnectionKey, seq: int, data: bytes) -> None: ...


class Claim:
    """One takeover. records: the peers' records for this address; tickled: those to be reset instead."""

    def __init__(
        self,
        address: IPv4Address,
        interface: str,
        records: Mapping[ConnectionKey, ConnectionRecord],
        tickled: Mapping[ConnectionKey, ConnectionRecord],
        tree: PublishedTree,
        spawn: Spawn,
        follower: ConnectionFollower,
        has_capacity: Callable[[], bool],
        sender: RawTcpSender,
        *,
        settle_s: float = 0.0,
        http_dialect: str | None = None,
    ) -> None:
        """has_capacity: whether one more connection may be served. settle_s: see takeover.logic.settle.
        http_dialect: of the HTTP service here.

        ResourceError when replies cannot be received.
        """
        self._has_capacity, self._http_dialect = has_capacity, http_dialect
        self._inquiry = ClientInquiry(sender, settle_s)
        self.outcome = ClaimOutcome(address, known=len(records) + len(tickled))
        self._address, self._tree, self._spawn = address, tree, spawn
        self._follower = follower
        self._records = dict(records)
        self._waiting = {**records, **tickled}
        self._tickled = tickled.keys()
        self._sessions = {key: one.session for key, one in records.items()
                          if one.session is not None and speaks_here(one)}
        self.unconfirmed_resets: dict[ConnectionKey, tuple[ConnectionRecord, ClientPosition]] = {}
        """Connections that were reset, but whose client has not answered a probe with RST yet."""
        self.silent: dict[ConnectionKey, ConnectionRecord] = {}
        """Connections to be reset whose client has not answered yet."""
        self._transfers = Transfers()
        self._early_answers: dict[ConnectionKey, ClientPosition] = {}
        """Data connections that are looked at when their session's client has answered, too: what that has
        heard tells which transfer it is, and how far it was."""
        self._half_open: set[ConnectionKey] = set()
        """Data connections opened by the dead server whose client has not heard the end of the handshake."""
        self._channels: dict[ConnectionKey, DataChannel] = {}
        self._started_at = time.monotonic()
        self._finishing = False
        self._already_sent = 0
        self._unknown_ports: dict[ConnectionKey, None] = {}
        """Sessions whose negotiated passive port is not in the record."""
        self._agreed_sessions: dict[ConnectionKey, Session] = {}
        self._sender, self._replies = sender, ProbeReplies(interface, address)

    async def run(self) -> ClaimOutcome:
        """Probe until all clients have answered or GIVE_UP_S is over. The address is up and announced."""
        loop = asyncio.get_running_loop()
        for _key, _segment in self._replies.read():
            pass  # received before the first probe
        loop.add_reader(self._replies.fileno(), self._on_replies)
        try:
            connection_tracking.establish(self._waiting.values())
            self._expect_data_connections()
            self.outcome.timeline.note("probed", f"{len(self._waiting)} connections")
            for number, until in enumerate((*ASK_AGAIN_S, GIVE_UP_S)):
                # one that has answered is left in peace: the second way's SYN would upset connection tracking
                unknown = {key: one for key, one in self._waiting.items() if key not in self._early_answers}
                self._inquiry.ask(unknown, number, last=until == GIVE_UP_S)
                await self._wait_for_replies(self._started_at + until)
        finally:
            self._finish()
        return self.outcome

    async def repeat_resets(self, at_s: Sequence[float]) -> None:
        """Probe again the clients to be reset: a RST may be lost, and a silent client may be slow."""
        begun = time.monotonic()
        for number, at in enumerate(at_s):
            if not self.unconfirmed_resets and not self.silent:
                return
            await asyncio.sleep(begun + at - time.monotonic())
            for key, (record, client) in self.unconfirmed_resets.items():
                self._sender.probe(key, probe_of(record, ProbeWay.KEEPALIVE, client))
            self._inquiry.ask(self.silent, number, last=True)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._replies.fileno())
        self._replies.close()

    async def _wait_for_replies(self, deadline: float) -> None:
        while self._waiting and time.monotonic() < deadline:
            self._take_decided()
            await asyncio.sleep(0.005)

    def _on_replies(self) -> None:
        for key, segment in self._replies.read():
            if not segment.flags & RST:
                self._half_open.discard(key)
            if key in self._waiting:
                self._inquiry.hear(self._waiting[key], segment)
            elif key in self.unconfirmed_resets or key in self.silent:
                self._on_reset_reply(key, segment)
        self._take_decided()

    def _take_decided(self) -> None:
        for key, answer in self._inquiry.decided(self._waiting).items():
            self._decide(key, answer)

    def _decide(self, key: ConnectionKey, client: ClientPosition) -> None:
        """Plan and execute the takeover of one connection from its client's final position."""
        if key not in self._waiting:
            return
        if self._waiting[key].control_key in self._waiting and not self._finishing:
            self._early_answers[key] = client
            return
        record = with_server_start(self._waiting.pop(key), client)
        self.outcome.answered += 1
        session = self._session_of(record)
        found = plan_takeover(record, client, self._tree, session, http_dialect=self._http_dialect)
        if key in self._tickled and not client.gone:
            found = Reset("tickle")
        if record.kind is ConnectionKind.FTP_CONTROL and isinstance(found, Rebuild) and found.session:
            self._sessions[key] = found.session
            self._transfers.begin(key, (one for one in self._waiting.values() if one.control_key == key
                                        and carries_transfer(one, self._sessions[key])))
        self._execute(record, found, client)
        for early in [one for one in self._early_answers if self._control_of(one) == key]:
            self._decide(early, self._early_answers.pop(early))

    def _session_of(self, record: ConnectionRecord) -> Session | None:
        """Of a data connection."""
        return self._sessions.get(record.control_key) if record.control_key is not None else None

    def _control_of(self, key: ConnectionKey) -> ConnectionKey | None:
        record = self._waiting.get(key)
        return record.control_key if record is not None else None

    def _execute(self, record: ConnectionRecord, found: TakeoverPlan, client: ClientPosition) -> None:
        outcome = self.outcome
        if isinstance(found, Rebuild):
            try:
                self._take_over(record, found)
            except (ResourceError, SendError) as exc:
                if _already_in_kernel(exc):
                    outcome.forgotten += 1
                    outcome.counts[service_of(record.kind), "finished"] += 1
                    if found.close_after and not found.pieces:  # of an earlier time here: all is delivered
                        self._transfers.over(record, delivered=True)
                    else:
                        self._transfers.run_by_session(record)
                    return
                found = Reset(str(exc))
            else:
                now = time.monotonic() - self._started_at
                outcome.taken_over += 1
                outcome.counts[service_of(record.kind), "taken-over"] += 1
                outcome.first_s = now if outcome.first_s is None else outcome.first_s
                outcome.last_s = now
                return
        if isinstance(found, Reset):
            outcome.reset[found.reason] = outcome.reset.get(found.reason, 0) + 1
            outcome.counts[service_of(record.kind), "reset"] += 1
            self._reset(record, client)
            log.debug("reset %s: %s", record.key, found.reason)
            self._sessions.pop(record.key, None)
            self._transfers.over(record, delivered=False)
        else:
            outcome.forgotten += 1
            outcome.counts[service_of(record.kind), "finished"] += 1
            # Refused in both ways: it is not in its handshake either, for the second way would complete that.
            self._no_data_connection(record, closed=self._inquiry.refused_both_ways(record))

    def _no_data_connection(self, record: ConnectionRecord, *, closed: bool | None) -> None:
        """The client has no such connection (any more), or is silent (closed None).

        When something was sent on it, the client has closed it because it has all. If not, the dead server's
        answer to the SYN was lost, or its SYN: who opens it repeats that. A client is asked only once about
        one whose start is not known, and the RST may be a NAT box': told 226, it might wait for the data.
        """
        session = self._session_of(record)
        if record.control_key is None or session is None or not carries_transfer(record, session):
            return
        begun = record.server_closed or (session.transfer is not None and session.transfer.started)
        if (closed or begun) and record.key not in self._half_open:
            self._transfers.over(record, delivered=closed is not None and record.server_start_known)
            return
        if record.opened_by_server:
            self._sender.reset(record.key, record.server_start)  # what is left of it is half open
            self._expect(record.control_key, Channel.ACTIVE, record.key.client_port)
        else:
            self._expect(record.control_key, Channel.PASSIVE, record.key.server_port)
        self._transfers.run_by_session(record)

    def _reset(self, record: ConnectionRecord, client: ClientPosition) -> None:
        self.unconfirmed_resets[record.key] = record, client
        self._sender.reset(record.key, client.ack)

    def _on_reset_reply(self, key: ConnectionKey, segment: Segment) -> None:
        """RST: the connection is gone. ACK: our RST was lost or had an outdated number; send it again."""
        silent = self.silent.pop(key, None)
        unconfirmed = self.unconfirmed_resets.pop(key, None)
        record = silent or (unconfirmed and unconfirmed[0])
        if record and segment.flags & (SYN | RST | ACK) == ACK:
            self._reset(record, ClientPosition.of(segment))

    def _take_over(self, record: ConnectionRecord, found: Rebuild) -> None:
        if not self._has_capacity():
            raise ResourceError("takeover", "it serves as many connections as it may")
        found = found.within(ALREADY_SENT_LIMIT - self._already_sent)
        self._already_sent += found.already_sent + found.answers_sent
        if self._already_sent > ALREADY_SENT_LIMIT:
            raise ResourceError(
                "takeover", "clients claim to hold more beyond holes than can be sent at once"
            )
        record = found.record or record
        ahead, pieces = split_pieces(found.pieces, found.already_sent, self._tree)
        sock, origin = rebuild(record, found, ahead)
        if ahead or found.answers_sent:
            self._sender.replay_sack(record.key, found.client)
        self._follower.seed(record, origin)
        self.outcome.timeline.taken_over(record, sock, has_unsent_data=bool(found.pieces))
        configure_socket(sock)
        if record.kind is ConnectionKind.HTTP:
            address = (str(record.key.server), record.key.server_port)
            start = found.answers_start
            self._spawn(_log_end(record, http_session.serve(
                sock, pieces, found, tree=self._tree, address=address,
                on_unseen=lambda at, data: self._follower.server_sent(
                    record.key, sequence.add(start, at), data))))
        elif record.kind is ConnectionKind.FTP_CONTROL and found.close_after:  # the last replies, then close
            self._spawn(self._send_data(record, sock, pieces, fin_sent=found.fin_sent))
        elif record.kind is ConnectionKind.FTP_CONTROL:
            unheard = b"".join(one for one in pieces if isinstance(one, bytes))
            session = found.session or Session()
            self._expect_agreed(record.key, session)
            serving = ftp_session.FtpSessionServer(sock, session, self._tree, self._channel(record.key),
                                        str(record.key.server), input_may_be_lost=found.input_may_be_lost)
            self._spawn(_log_end(record, serving.serve(unheard, self._transfers.wait(record.key, session))))
        elif found.close_after:
            self._transfers.goes_on(record)
            self._spawn(self._send_data(record, sock, pieces, fin_sent=found.fin_sent))
        elif record.control_key is not None:
            self._channel(record.control_key).take_over(sock)
            self._transfers.run_by_session(record)

    async def _send_data(self, record: ConnectionRecord, sock: Any, pieces: Any, *, fin_sent: bool) -> None:
        try:
            await send(sock, pieces, self._tree)
            await deliver_and_close(sock, fin_sent=fin_sent)
        except (OSError, SendError) as exc:
            log.log(log_level(exc), "data connection of %s:%d: %s", record.key.client, record.key.client_port,
                    exc)
            reset(sock)
            self._transfers.over(record, delivered=False)
            return
        self._transfers.over(record, delivered=True)

    def _channel(self, control: ConnectionKey) -> DataChannel:
        return self._channels.setdefault(control, DataChannel(str(control.server), str(control.client)))

    def _expect_data_connections(self) -> None:
        """Prepare for data connections that were negotiated but not opened yet."""
        data = {
            record.control_key for record in self._records.values() if record.kind is ConnectionKind.FTP_DATA
        }
        for key, session in self._sessions.items():
            if key not in data:
                self._expect_agreed(key, session)

    def _expect_agreed(self, control: ConnectionKey, session: Session) -> None:
        """Prepare for the session's negotiated data connection, once per negotiation."""
        if session.channel is Channel.PASSIVE and not session.data_port:
            self._unknown_ports[control] = None
        elif session.data_port and session != self._agreed_sessions.get(control):
            self._expect(control, session.channel, session.data_port)
            if session.channel is Channel.PASSIVE:
                self._follower.passive_port_agreed(control, session.data_port)
        self._agreed_sessions[control] = session

    def _expect(self, control: ConnectionKey, channel: Channel, port: int) -> None:
        try:
            self._channel(control).expect(channel, port)
        except OSError as exc:
            log.debug("port %d of %s: %s", port, control, exc)

    def client_accepts(self, key: ConnectionKey) -> None:
        """A client answers a SYN, perhaps that of a probe: an established one would acknowledge it."""
        if key in self._waiting:
            self._half_open.add(key)

    def client_connects(self, key: ConnectionKey) -> None:
        """A client opens a connection: one with the same key need not be probed any more.

        It may be the data connection whose port only the dead server and the client know. When two sessions
        of a client wait for one, it is nobody's: one would get what the other has asked for.
        """
        self.unconfirmed_resets.pop(key, None)
        self.silent.pop(key, None)
        record = self._waiting.pop(key, None)
        if record is not None:
            self.outcome.forgotten += 1
            self.outcome.counts[service_of(record.kind), "finished"] += 1
            if record.control_key is not None:
                self._expect(record.control_key, Channel.PASSIVE, key.server_port)
                self._transfers.run_by_session(record)
        elif key.server_port >= FIRST_PORT and not any(
            one.listened_on(key.server_port) for one in self._channels.values()
        ):
            waiting = [one for one in self._unknown_ports
                       if one.client == key.client and not self._channel(one).has_listened]
            if len(waiting) == 1:
                self._expect(waiting[0], Channel.PASSIVE, key.server_port)
                if self._channel(waiting[0]).has_listened:  # else it is the FTP service's here
                    self._follower.passive_port_learned(waiting[0], key.server_port)

    def _finish(self) -> None:
        """Forget the clients that are gone, and count those that have not answered: they may be gone, too; if
        not, they get a RST from this kernel when they say something, and wait in vain when they do not."""
        self._finishing = True
        gone = {**self._early_answers, **self._inquiry.gone_at_last(self._waiting)}
        for key in sorted(gone, key=lambda one: self._control_of(one) is not None):  # sessions first
            self._decide(key, gone[key])
        self.outcome.silent = len(self._waiting)
        self.silent = {key: one for key, one in self._waiting.items() if key in self._tickled}
        for record in self._waiting.values():
            self.outcome.counts[service_of(record.kind), "silent"] += 1
            self.outcome.timeline.silent(record)
            self._no_data_connection(record, closed=None)
        for key, channel in self._channels.items():
            if key in self._waiting:
                channel.close()
        self.outcome.over = True


def _already_in_kernel(exc: Exception) -> bool:
    """Whether the client reconnected just before the claim, so this kernel already has the connection."""
    return isinstance(exc.__cause__, OSError) and exc.__cause__.errno == errno.EADDRNOTAVAIL


async def _log_end(record: ConnectionRecord, serving: Coroutine[Any, Any, str]) -> None:
    log.debug("connection of %s:%d: %s", record.key.client, record.key.client_port, await serving)
