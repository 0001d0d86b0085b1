"""Takeover plan of an FTP control connection: the replies that the client lacks, and the session's state
after them."""

from __future__ import annotations

from dataclasses import replace

from ..protocols.ftp import Session
from ..protocols.vsftpd_replies import (
    GOODBYE,
    GREETING,
    PublishedFiles,
    UnpredictableReplyError,
    advance_session,
    open_reply_bytes,
)
from ..protocols.vsftpd_texts import DIALECT, are_known_replies
from ..record import ConnectionKind, ConnectionRecord
from ..tcp import seq as sequence
from .plans import CannotTakeOverError, ClientPosition, TakeoverPlan
from .resume import client_has_closed, fully_delivered, rebuild


def speaks_here(record: ConnectionRecord) -> bool:
    """Whether the taker's FTP sessions go on in the words of this one's server. A record of an older release
    does not name the dialect: then the last replies show it."""
    if record.kind is not ConnectionKind.FTP_CONTROL:
        return True
    if record.dialect is None:
        return are_known_replies(record.reply_tail)
    return record.dialect == DIALECT


def plan_ftp_control(record: ConnectionRecord, client: ClientPosition, tree: PublishedFiles) -> TakeoverPlan:
    session = record.session
    if session is None:
        raise CannotTakeOverError("a session that is not known")
    if not speaks_here(record):
        said = record.dialect or "words that its image does not name"
        raise CannotTakeOverError(f"the FTP server spoke {said}, not {DIALECT}")
    unseen = not record.reply_tail and record.reply_tail_end == record.server_start
    if unseen and not record.server_closed:  # the greeting was not seen, but is known
        record = replace(record, reply_tail=GREETING,
                         reply_tail_end=sequence.add(record.server_start, len(GREETING)))
    goodbye = not session.pending and record.reply_tail.endswith(GOODBYE)
    missing = sequence.distance(client.ack, record.reply_tail_end)
    if record.server_closed and missing == -1:
        return fully_delivered(record, client)
    if record.server_closed and missing < 0:
        raise CannotTakeOverError("the client is further than the server was")
    if missing > len(record.reply_tail):
        raise CannotTakeOverError("the client lacks more of the replies than is kept")
    unsaid = record.reply_tail[len(record.reply_tail) - missing:] if missing > 0 else b""
    opened = open_reply_bytes(record.reply_tail)
    known, more = record.reply_tail[len(record.reply_tail) - opened:], opened + max(0, -missing)
    if more and _session_has_ended(session, more, record, client, tree, known):
        return fully_delivered(record, client)
    if more:
        before = session
        session, rest = advance_session(session, more, tree, str(record.key.server), known)
        goodbye = before.quits and not session.quits
        unsaid += rest
        record = replace(record, session=session, reply_tail=unsaid,
                         reply_tail_end=sequence.add(client.ack, len(unsaid)))
    close_after = record.server_closed or goodbye
    return replace(rebuild(record, client, [unsaid] if unsaid else [], close_after=close_after),
                   session=session, record=record)


def _session_has_ended(
    session: Session, more: int, record: ConnectionRecord, client: ClientPosition, tree: PublishedFiles,
    known: bytes,
) -> bool:
    """Whether the client has closed, the dead server after it, and the client has all replies and the FIN."""
    if not client_has_closed(record, client):
        return False
    try:
        after, rest = advance_session(session, more - 1, tree, str(record.key.server), known)
    except UnpredictableReplyError:
        return False
    return not rest and not after.pending
