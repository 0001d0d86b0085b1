"""Rebuilds a client's connection in this kernel and lets its session go on: HTTP, FTP control, FTP data."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine
from typing import Any

from twinboot.errors import ResourceError
from twinboot.takeover.logic.plan import Rebuild
from twinboot.takeover.logic.protocols.ftp import Session
from twinboot.takeover.logic.record import ConnectionKind, ConnectionRecord
from twinboot.takeover.logic.tcp import seq as sequence

from ..outcome import ClaimOutcome
from ..published.tree import PublishedTree
from ..rebuild import rebuild
from ..serve import ftp_session, http_session
from ..serve.sending import (
    SendError,
    configure_socket,
    deliver_and_close,
    log_level,
    reset,
    send,
    split_pieces,
)
from ..tcp_probe import RawTcpSender
from .data_channels import DataChannels
from .follower import ConnectionFollower
from .transfers import Transfers

log = logging.getLogger(__name__)

ALREADY_SENT_LIMIT = 256 << 20
"""Bytes put into send queues as already sent, for all clients of an address together."""
Spawn = Callable[[Coroutine[Any, Any, None]], None]


class RebuiltConnections:
    """Those of one claim. has_capacity: whether one more connection may be served. away_s: so long nobody had
    their address."""

    def __init__(
        self, tree: PublishedTree, spawn: Spawn, follower: ConnectionFollower,
        has_capacity: Callable[[], bool], sender: RawTcpSender, *, transfers: Transfers,
        channels: DataChannels, outcome: ClaimOutcome, away_s: float,
    ) -> None:
        self._tree, self._spawn, self._follower, self._sender = tree, spawn, follower, sender
        self._has_capacity, self._transfers, self._channels = has_capacity, transfers, channels
        self._outcome, self._away_s = outcome, away_s
        self._already_sent = 0

    def take_over(self, record: ConnectionRecord, found: Rebuild) -> None:
        """ResourceError or SendError: it could not be rebuilt."""
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
        self._outcome.timeline.taken_over(record, sock, has_unsent_data=bool(found.pieces))
        configure_socket(sock)
        if record.kind is ConnectionKind.HTTP:
            self._serve_http(record, found, sock, pieces)
        elif record.kind is ConnectionKind.FTP_CONTROL and found.close_after:  # the last replies, then close
            self._spawn(self._send_data(record, sock, pieces, fin_sent=found.fin_sent))
        elif record.kind is ConnectionKind.FTP_CONTROL:
            self._serve_ftp(record, found, sock, pieces)
        elif found.close_after:
            self._transfers.goes_on(record)
            self._spawn(self._send_data(record, sock, pieces, fin_sent=found.fin_sent))
        elif record.control_key is not None:
            self._channels.of(record.control_key).take_over(sock)
            self._transfers.run_by_session(record)

    def _serve_http(self, record: ConnectionRecord, found: Rebuild, sock: Any, pieces: Any) -> None:
        address = (str(record.key.server), record.key.server_port)
        start = found.answers_start
        self._spawn(_log_end(record, http_session.serve(
            sock, pieces, found, tree=self._tree, address=address,
            away_s=self._away_s, on_unseen=lambda at, data: self._follower.server_sent(
                record.key, sequence.add(start, at), data))))

    def _serve_ftp(self, record: ConnectionRecord, found: Rebuild, sock: Any, pieces: Any) -> None:
        unheard = b"".join(one for one in pieces if isinstance(one, bytes))
        session = found.session or Session()
        self._channels.expect_agreed(record.key, session)
        serving = ftp_session.FtpSessionServer(sock, session, self._tree, self._channels.of(record.key),
                                    str(record.key.server), input_may_be_lost=found.input_may_be_lost,
                                    away_s=self._away_s)
        self._spawn(_log_end(record, serving.serve(unheard, self._transfers.wait(record.key, session))))

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


async def _log_end(record: ConnectionRecord, serving: Coroutine[Any, Any, str]) -> None:
    log.debug("connection of %s:%d: %s", record.key.client, record.key.client_port, await serving)
