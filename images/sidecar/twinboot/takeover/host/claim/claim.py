"""Takes over the connections of one address that has just come here: asks, plans, rebuilds, serves.

Every client is dealt with as soon as it has answered; one that is slow holds nobody up. What cannot be
gone on with is reset, so that the client knows at once. Owns the order of these steps; the kernel's part
is in repair, asking and shield.
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
from twinboot.takeover.logic.plan import Adopt, Answer, Plan, Reset, completed, plan
from twinboot.takeover.logic.protocols.ftp import Channel, Session
from twinboot.takeover.logic.record import Key, Kind, Record
from twinboot.takeover.logic.settle import Calm
from twinboot.takeover.logic.tcp import seq as sequence
from twinboot.takeover.logic.tcp.segment import ACK, RST, SYN, Segment

from ..outcome import Outcome, service_of
from ..published.tree import Tree
from ..serve import ftp_session, http_session
from ..serve.ftp_data import FIRST_PORT, DataChannel
from ..serve.sending import SendError, hand_over, level, patient, reset, send, split
from ..tcp_probe import Answers, Voice
from ..tcp_repair import rebuild

log = logging.getLogger(__name__)

ASK_AGAIN_S = (0.06, 0.3, 0.65, 1.2)
"""Linux answers a connection's odd segments twice a second at most (net.ipv4.tcp_invalid_ratelimit)."""
GIVE_UP_S = 2.0
AHEAD_LIMIT = 256 << 20
"""What the kernel has to keep at once, for all clients of an address with holes."""
Spawn = Callable[[Coroutine[Any, Any, None]], None]


class Following(Protocol):
    """Who goes on following adopted connections: takeover.logic.tracker.Tracker."""

    def seed(self, record: Record, begins: tuple[int, int]) -> None: ...
    def learned(self, control: Key, port: int) -> None: ...
    def said(self, key: Key, seq: int, data: bytes) -> None: ...


class Claim:
    """One take-over. records: of the peers, for this address; tickled: those that shall be reset."""

    def __init__(self, address: IPv4Address, interface: str, records: Mapping[Key, Record],
                 tickled: Mapping[Key, Record], tree: Tree, spawn: Spawn, following: Following,
                 room: Callable[[], bool], voice: Voice, *, calm_s: float = 0.0) -> None:
        """ResourceError when the LAN cannot be asked. room: may one more connection be served?

        calm_s: see takeover.logic.settle.
        """
        self._room = room
        self._calm = Calm(calm_s, time.monotonic())
        self.outcome = Outcome(address, known=len(records) + len(tickled))
        self._address, self._tree, self._spawn = address, tree, spawn
        self._following = following
        self._records = dict(records)
        self._waiting = {**records, **tickled}
        self._tickled = tickled.keys()
        self._sessions = {key: one.session for key, one in records.items() if one.session is not None}
        self.refused: set[Key] = set()
        """Those that were reset, and have not said that they know it."""
        self.silent: set[Key] = set()
        """Those that shall be reset, and have not answered."""
        self._delivered: dict[Key, asyncio.Future[bool | None]] = {}
        self._channels: dict[Key, DataChannel] = {}
        self._begun = time.monotonic()
        self._ahead = 0
        self._portless: dict[IPv4Address, Key] = {}
        """Sessions by client whose client is to connect to a port that we were not told of."""
        self._agreed: dict[Key, Session] = {}
        self._voice, self._answers = voice, Answers(interface, address)
        loop = asyncio.get_running_loop()
        for record in records.values():
            if record.kind is Kind.FTP_DATA and record.control is not None:
                self._delivered[record.control] = loop.create_future()

    async def run(self) -> Outcome:
        """Ask until all have answered or the time is over. The address is up and announced."""
        loop = asyncio.get_running_loop()
        for _key, _segment in self._answers.read():
            pass  # from before
        loop.add_reader(self._answers.fileno(), self._heard)
        try:
            self._listen()
            self.outcome.diary.note("asked", f"{len(self._waiting)} connections")
            for until in (*ASK_AGAIN_S, GIVE_UP_S):
                for key, record in tuple(self._waiting.items()):
                    # Who is still shaking hands would answer with a reset, and comes again by itself.
                    if record.server_seen or until == GIVE_UP_S:
                        self._voice.ask(key, self._calm.acknowledged(key))
                await self._answered_by(self._begun + until)
        finally:
            self._end()
        return self.outcome

    async def insist(self, at_s: Sequence[float]) -> None:
        """Ask once more who should be reset: a reset may be lost, and who did not answer may be slow."""
        begun = time.monotonic()
        for at in at_s:
            if not self.refused and not self.silent:
                return
            await asyncio.sleep(begun + at - time.monotonic())
            for key in (*self.refused, *self.silent):
                self._voice.ask(key)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._answers.fileno())
        self._answers.close()

    async def _answered_by(self, deadline: float) -> None:
        while self._waiting and time.monotonic() < deadline:
            self._believe()
            await asyncio.sleep(0.005)

    def _heard(self) -> None:
        for key, segment in self._answers.read():
            if key in self._waiting:
                self._calm.heard(key, Answer.of(segment), time.monotonic())
            elif key in self.refused or key in self.silent:
                self._insisted(key, segment)
        self._believe()

    def _believe(self) -> None:
        for key, answer in self._calm.believed(time.monotonic()):
            self._answered(key, answer)

    def _answered(self, key: Key, answer: Answer) -> None:
        """Go on from where the client is."""
        record = completed(self._waiting.pop(key), answer)
        self.outcome.answered += 1
        session = self._sessions.get(record.control) if record.control is not None else None
        found = plan(record, answer, self._tree, session)
        if key in self._tickled and not answer.gone:
            found = Reset("tickle")
        self._carry_out(record, found, answer, session)

    def _carry_out(self, record: Record, found: Plan, answer: Answer, session: Session | None) -> None:
        outcome = self.outcome
        if isinstance(found, Adopt):
            try:
                self._adopt(record, found)
            except (ResourceError, SendError) as exc:
                if _begun_here(exc):
                    outcome.forgotten += 1
                    outcome.counts[service_of(record.kind), "finished"] += 1
                    return
                found = Reset(str(exc))
            else:
                now = time.monotonic() - self._begun
                outcome.adopted += 1
                outcome.counts[service_of(record.kind), "adopted"] += 1
                outcome.first_s = now if outcome.first_s is None else outcome.first_s
                outcome.last_s = now
                return
        if isinstance(found, Reset):
            outcome.reset[found.reason] = outcome.reset.get(found.reason, 0) + 1
            outcome.counts[service_of(record.kind), "reset"] += 1
            self._refuse(record.key, answer.ack)
            log.debug("reset %s: %s", record.key, found.reason)
            self._data_over(record, whole=False)
        else:
            outcome.forgotten += 1
            outcome.counts[service_of(record.kind), "finished"] += 1
            if answer.gone and record.control is not None and not _under_way(session):
                # It never heard the dead server's answer to its SYN, and says that again.
                self._expect(record.control, Channel.PASSIVE, record.key.server_port)
            else:
                self._data_over(record, whole=True)

    def _refuse(self, key: Key, ack: int) -> None:
        self.refused.add(key)
        self._voice.reset(key, ack)

    def _insisted(self, key: Key, segment: Segment) -> None:
        """It has got more meanwhile, or our reset was lost; or it says that it has gone."""
        self.silent.discard(key)
        if segment.flags & RST:
            self.refused.discard(key)
        elif segment.flags & (SYN | ACK) == ACK:
            self._refuse(key, segment.ack)

    def _adopt(self, record: Record, found: Adopt) -> None:
        if not self._room():
            raise ResourceError("adopter", "it serves as many connections as it may")
        self._ahead += found.ahead
        if self._ahead > AHEAD_LIMIT:
            raise ResourceError("adopter", "clients claim to hold more beyond holes than can be sent at once")
        record = found.record or record
        ahead, pieces = split(found.pieces, found.ahead, self._tree)
        sock = rebuild(record, found, ahead)
        if ahead:
            self._voice.remind(record.key, found.answer)
        self._following.seed(record, (found.receive_next, found.send_next))
        self.outcome.diary.adopted(record, sock, owes=bool(found.pieces))
        patient(sock)
        if record.kind is Kind.HTTP:
            address = (str(record.key.server), record.key.server_port)
            start = sequence.add(found.send_next, -found.skip)
            self._spawn(_log_end(record, http_session.serve(
                sock, pieces, found, tree=self._tree, address=address,
                skipped=lambda head: self._following.said(record.key, start, head))))
        elif record.kind is Kind.FTP_CONTROL and found.closes:  # its last words, and the end
            self._spawn(self._send_data(record, sock, pieces))
        elif record.kind is Kind.FTP_CONTROL:
            unsaid = b"".join(one for one in found.pieces if isinstance(one, bytes))
            session = found.session or Session()
            self._agree(record.key, session)
            serving = ftp_session.FtpSession(sock, session, self._tree, self._channel(record.key),
                                        str(record.key.server), expects=found.expects)
            self._spawn(_log_end(record, serving.serve(unsaid, self._waiter(record.key, session))))
        elif found.closes:
            self._spawn(self._send_data(record, sock, pieces))
        elif record.control is not None:
            self._channel(record.control).adopted(sock)
            self._data_over(record, whole=None)

    async def _send_data(self, record: Record, sock: Any, pieces: Any) -> None:
        try:
            await send(sock, pieces, self._tree)
            await hand_over(sock)
        except (OSError, SendError) as exc:
            log.log(level(exc), "data connection of %s:%d: %s", record.key.client, record.key.client_port,
                    exc)
            reset(sock)
            self._data_over(record, whole=False)
            return
        self._data_over(record, whole=True)

    def _channel(self, control: Key) -> DataChannel:
        return self._channels.setdefault(control, DataChannel(str(control.server), str(control.client)))

    def _waiter(self, control: Key, session: Session) -> ftp_session.Delivered | None:
        """For the reply that ends a file transfer; None when none was on its way."""
        if not session.sending:
            return None
        future = self._delivered.get(control)
        taken = session.transfer is not None and session.transfer.taken

        async def delivered() -> bool | None:
            # Without a data connection that is still known, the client has closed it; or we were not told.
            return taken if future is None else await future

        return delivered

    def _data_over(self, record: Record, *, whole: bool | None) -> None:
        future = self._delivered.get(record.control) if record.control is not None else None
        if future is not None and not future.done():
            future.set_result(whole)

    def _listen(self) -> None:
        """Data connections that were agreed upon and have not come yet."""
        data = {record.control for record in self._records.values() if record.kind is Kind.FTP_DATA}
        for key, session in self._sessions.items():
            if key not in data:
                self._agree(key, session)

    def _agree(self, control: Key, session: Session) -> None:
        """The session's next data connection is to come as it was agreed upon, if it has not come."""
        if session.channel is Channel.PASSIVE and not session.data_port:
            self._portless[control.client] = control
        elif session.data_port and session != self._agreed.get(control):
            self._expect(control, session.channel, session.data_port)
        self._agreed[control] = session

    def _expect(self, control: Key, channel: Channel, port: int) -> None:
        try:
            self._channel(control).expect(channel, port)
        except OSError as exc:
            log.debug("port %d of %s: %s", port, control, exc)

    def begun(self, key: Key) -> None:
        """A client begins a connection: nobody has to ask it any more where it is with that.

        It may be the data connection whose port only the dead server and the client know.
        """
        self.refused.discard(key)
        self.silent.discard(key)
        record = self._waiting.pop(key, None)
        if record is not None:
            self.outcome.forgotten += 1
            self.outcome.counts[service_of(record.kind), "finished"] += 1
            if record.control is not None:
                self._expect(record.control, Channel.PASSIVE, key.server_port)
        elif key.server_port >= FIRST_PORT and key.client in self._portless:
            control = self._portless.pop(key.client)
            self._expect(control, Channel.PASSIVE, key.server_port)
            self._following.learned(control, key.server_port)

    def _end(self) -> None:
        """Who has not answered by now has gone, or will be told by a reset when it speaks."""
        self.outcome.silent = len(self._waiting)
        self.silent = self._waiting.keys() & self._tickled
        for record in self._waiting.values():
            self.outcome.counts[service_of(record.kind), "silent"] += 1
            self._data_over(record, whole=False)
        for key, channel in self._channels.items():
            if key in self._waiting:
                channel.close()
        self.outcome.over = True


def _begun_here(exc: Exception) -> bool:
    """The client has begun anew in the moment before the claim: this kernel has its connection already."""
    return isinstance(exc.__cause__, OSError) and exc.__cause__.errno == errno.EADDRNOTAVAIL


def _under_way(session: Session | None) -> bool:
    return session is not None and session.transfer is not None and session.transfer.started


async def _log_end(record: Record, serving: Coroutine[Any, Any, str]) -> None:
    log.debug("connection of %s:%d: %s", record.key.client, record.key.client_port, await serving)
