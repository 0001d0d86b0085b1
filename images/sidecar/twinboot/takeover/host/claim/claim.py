"""Takes over the connections of one address that has just been claimed: probe, plan, rebuild, serve.

Each connection is handled as soon as its client's position is final; a slow client delays no other. A
connection that cannot be continued is reset, so that its client knows at once. A client that answers nothing
is `silent`: its connection is not taken over, and it may wait in vain. Owns the order of these steps:
inquiry asks the clients, serving rebuilds, data_channels and transfers lead the FTP data, resets ends what
cannot go on.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import time
from collections.abc import Callable, Container, Mapping, Sequence
from ipaddress import IPv4Address

from twinboot.errors import ResourceError
from twinboot.kernel.tcp_repair import AddressGoneError
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
from twinboot.takeover.logic.protocols.ftp import Channel, Session
from twinboot.takeover.logic.record import ConnectionKey, ConnectionKind, ConnectionRecord
from twinboot.takeover.logic.tcp.segment import RST

from ..outcome import ClaimOutcome, service_of
from ..published.tree import PublishedTree
from ..serve.sending import SendError
from ..tcp_probe import ProbeReplies, RawTcpSender
from . import connection_tracking
from .data_channels import DataChannels
from .follower import ConnectionFollower
from .inquiry import ASK_AGAIN_S, GIVE_UP_S, ClientInquiry
from .resets import Resets
from .serving import RebuiltConnections, Spawn
from .transfers import Transfers

log = logging.getLogger(__name__)

ASK_AT_ONCE = 64
CROWD_LIMIT_S = 30.0
"""A claim of thousands of connections is over by then, whatever still comes."""


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
        away_s: float = 0.0,
        http_dialect: str | None = None,
    ) -> None:
        """has_capacity: whether one more connection may be served. settle_s: see takeover.logic.settle.
        away_s: so long nobody had the address before it came back to this server.
        http_dialect: of the HTTP service here.

        ResourceError when replies cannot be received.
        """
        self._http_dialect = http_dialect
        self._inquiry = ClientInquiry(sender, settle_s)
        self.outcome = ClaimOutcome(address, known=len(records) + len(tickled))
        self._tree, self._sender = tree, sender
        self._records = dict(records)
        self._waiting = {**records, **tickled}
        self._tickled = tickled.keys()
        self._data_of: dict[ConnectionKey, list[ConnectionKey]] = {}
        """Session -> its data connections."""
        for one in self._waiting.values():
            if one.control_key is not None:
                self._data_of.setdefault(one.control_key, []).append(one.key)
        self._sessions = {key: one.session for key, one in records.items()
                          if one.session is not None and speaks_here(one)}
        self._resets = Resets(sender, self._inquiry)
        self._transfers, self._channels = Transfers(), DataChannels(follower)
        self._rebuilt = RebuiltConnections(
            tree, spawn, follower, has_capacity, sender, transfers=self._transfers, channels=self._channels,
            outcome=self.outcome, away_s=away_s)
        self._early_answers: dict[ConnectionKey, ClientPosition] = {}
        """Data connections that are looked at when their session's client has answered, too: what that has
        heard tells which transfer it is, and how far it was."""
        self._address_gone: dict[ConnectionKey, ConnectionRecord] = {}
        """Those that could not be rebuilt, as the address was on its way away: undecided."""
        self._served: set[ConnectionKey] = set()
        """Those that were rebuilt here."""
        self._half_open: set[ConnectionKey] = set()
        """Data connections opened by the dead server whose client has not heard the end of the handshake."""
        self._started_at = time.monotonic()
        self._finishing = False
        self._replies = ProbeReplies(interface, address)

    async def run(self) -> ClaimOutcome:
        """Probe until all clients have answered or GIVE_UP_S is over. The address is up and announced."""
        loop = asyncio.get_running_loop()
        for _key, _segment in self._replies.read():
            pass  # received before the first probe
        loop.add_reader(self._replies.fileno(), self._read_replies)
        try:
            connection_tracking.establish(self._waiting.values())
            self._expect_data_connections()
            self.outcome.timeline.note("probed", f"{len(self._waiting)} connections")
            before = 0.0
            for number, until in enumerate((*ASK_AGAIN_S, GIVE_UP_S)):
                await self._ask(number, last=until == GIVE_UP_S)
                await self._wait_for_replies(until - before)
                before = until
        finally:
            self._finish()
        return self.outcome

    def asked(self) -> Container[ConnectionKey]:
        """Those that are still probed."""
        return () if self.outcome.over else self._waiting

    def undecided(self) -> dict[ConnectionKey, ConnectionRecord]:
        """Those whose client has not said yet where it is, until the claim is over; and those for which the
        address left too soon."""
        return {**({} if self.outcome.over else self._waiting), **self._address_gone}

    async def repeat_resets(self, at_s: Sequence[float]) -> None:
        """Probe again the clients to be reset."""
        await self._resets.repeat(at_s)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._replies.fileno())
        self._replies.close()

    async def _ask(self, number: int, *, last: bool) -> None:
        """Probe `number` to each client that has not answered: the second way's SYN would upset connection
        tracking. Between two parts of a crowd its answers are read."""
        keys = [key for key in self._waiting if key not in self._early_answers]
        for start in range(0, len(keys), ASK_AT_ONCE):
            still = {key: self._waiting[key] for key in keys[start:start + ASK_AT_ONCE]
                     if key in self._waiting and key not in self._early_answers}
            self._inquiry.ask(still, number, last=last)
            if len(keys) > ASK_AT_ONCE:
                await asyncio.sleep(0)

    async def _wait_for_replies(self, wait_s: float) -> None:
        """For so long, and until what has come by then is read. Rebuilding a crowd's connections takes longer
        than its clients' answers; whoever has answered is not given up for that."""
        deadline = time.monotonic() + wait_s
        while self._waiting and time.monotonic() < deadline:
            self._take_decided()
            await asyncio.sleep(0.005)
        latest = self._started_at + CROWD_LIMIT_S
        while self._waiting and self._read_replies() and time.monotonic() < latest:
            await asyncio.sleep(0)

    def _read_replies(self) -> bool:
        """Some of those that have come; whether there were any."""
        some = False
        for key, segment in self._replies.read():
            some = True
            if not segment.flags & RST:
                self._half_open.discard(key)
            if key in self._waiting:
                self._inquiry.hear(self._waiting[key], segment)
            elif key in self._resets:
                self._resets.hear(key, segment)
        self._take_decided()
        return some

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
            data = (self._waiting[one] for one in self._data_of.get(key, ()) if one in self._waiting)
            self._transfers.begin(key, (one for one in data if carries_transfer(one, self._sessions[key])))
        self._execute(record, found, client)
        for early in self._data_of.get(key, ()):
            if early in self._early_answers:
                self._decide(early, self._early_answers.pop(early))

    def _session_of(self, record: ConnectionRecord) -> Session | None:
        """The FTP session that a data connection belongs to."""
        return self._sessions.get(record.control_key) if record.control_key is not None else None

    def _control_of(self, key: ConnectionKey) -> ConnectionKey | None:
        record = self._waiting.get(key)
        return record.control_key if record is not None else None

    def _execute(self, record: ConnectionRecord, found: TakeoverPlan, client: ClientPosition) -> None:
        outcome = self.outcome
        if isinstance(found, Rebuild):
            try:
                self._rebuilt.take_over(record, found)
            except (ResourceError, SendError) as exc:
                if isinstance(exc.__cause__, AddressGoneError):
                    self._address_gone[record.key] = record
                    return
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
                self._served.add(record.key)
                now = time.monotonic() - self._started_at
                outcome.taken_over += 1
                outcome.counts[service_of(record.kind), "taken-over"] += 1
                outcome.first_s = now if outcome.first_s is None else outcome.first_s
                outcome.last_s = now
                return
        if isinstance(found, Reset):
            outcome.reset[found.reason] = outcome.reset.get(found.reason, 0) + 1
            outcome.counts[service_of(record.kind), "reset"] += 1
            self._resets.reset(record, client)
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
            self._channels.expect(record.control_key, Channel.ACTIVE, record.key.client_port)
        else:
            self._channels.expect(record.control_key, Channel.PASSIVE, record.key.server_port)
        self._transfers.run_by_session(record)

    def _expect_data_connections(self) -> None:
        """Prepare for data connections that were negotiated but not opened yet."""
        data = {
            record.control_key for record in self._records.values() if record.kind is ConnectionKind.FTP_DATA
        }
        for key, session in self._sessions.items():
            if key not in data:
                self._channels.expect_agreed(key, session)

    def client_accepts(self, key: ConnectionKey) -> None:
        """A client answers a SYN, perhaps that of a probe: an established one would acknowledge it."""
        if key in self._waiting:
            self._half_open.add(key)

    def client_connects(self, key: ConnectionKey) -> None:
        """A client opens a connection: one with the same key need not be probed any more."""
        self._resets.forget(key)
        record = self._waiting.pop(key, None)
        if record is not None:
            self.outcome.forgotten += 1
            self.outcome.counts[service_of(record.kind), "finished"] += 1
            if record.control_key is not None:
                self._channels.expect(record.control_key, Channel.PASSIVE, key.server_port)
                self._transfers.run_by_session(record)
        else:
            self._channels.client_connects(key)

    def _finish(self) -> None:
        """Forget the clients that are gone, and count those that have not answered: they may be gone, too; if
        not, they get a RST from this kernel when they say something, and wait in vain when they do not."""
        self._finishing = True
        gone = {**self._early_answers, **self._inquiry.gone_at_last(self._waiting)}
        for key in sorted(gone, key=lambda one: self._control_of(one) is not None):  # sessions first
            self._decide(key, gone[key])
        self.outcome.silent = len(self._waiting)
        self._resets.silent = {key: one for key, one in self._waiting.items() if key in self._tickled}
        for record in self._waiting.values():
            self.outcome.counts[service_of(record.kind), "silent"] += 1
            self.outcome.timeline.silent(record)
            self._no_data_connection(record, closed=None)
        self._channels.close_others(self._served)
        self.outcome.over = True


def _already_in_kernel(exc: Exception) -> bool:
    """Whether the client reconnected just before the claim, so this kernel already has the connection."""
    return isinstance(exc.__cause__, OSError) and exc.__cause__.errno == errno.EADDRNOTAVAIL
