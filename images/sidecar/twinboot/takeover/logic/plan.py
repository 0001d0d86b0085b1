"""Takeover plan of one connection: from its record and the client's position to what is to be done.

The record says what was being sent, the client's position how much of it has arrived. Nothing here touches
a socket or a file; the tree gives the size and the time of a published file.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from .holdings import sent_at_once, shown_bytes, unshown_bytes
from .pieces import FilePart, Piece, answer_pieces, file_of, without_first
from .protocols.ftp import Channel, Session, Transfer
from .protocols.http import DIRECTORY
from .protocols.http_heads import Response, split_requests, target_path
from .protocols.vsftpd_replies import (
    GOODBYE,
    GREETING,
    PublishedFiles,
    UnpredictableReplyError,
    advance_session,
    open_reply_bytes,
)
from .protocols.vsftpd_texts import DIALECT, are_known_replies
from .record import UNKNOWN_FACTS, ConnectionKind, ConnectionRecord
from .tcp import seq as sequence
from .tcp.segment import RST, Segment

SACKED_LIMIT = 8 << 20
"""More than a client can hold beyond a hole; a position that claims more is refused."""
UNREAD_LIMIT = 1 << 20
SKIP_LIMIT = 64 << 20
"""How much a server may have sent between its last record and its death; a larger gap is refused."""


@dataclass(frozen=True, slots=True)
class ClientPosition:
    """The client's position: what it sends next (seq), expects next (ack), and holds beyond a hole (SACK).

    exact: False when seq is a lower bound only: taken from a retransmission, after which more may follow.
    """

    seq: int
    ack: int
    window: int
    timestamps: tuple[int, int] | None = None
    sack_blocks: tuple[tuple[int, int], ...] = ()
    exact: bool = True
    gone: bool = False
    """The client has answered RST: it has no such connection."""

    @classmethod
    def of(cls, segment: Segment) -> ClientPosition:
        options = segment.options
        return cls(sequence.add(segment.seq, segment.payload_bytes), segment.ack, segment.window,
                   options.timestamps, options.sack_blocks, exact=not segment.payload_bytes,
                   gone=bool(segment.flags & RST))


@dataclass(frozen=True, slots=True)
class Rebuild:
    """Rebuild the connection and continue sending.

    receive_next, send_next: sequence numbers for TCP_REPAIR. already_sent: how many of the first bytes are
    put into the send queue as already sent, because the client holds data beyond a hole, or may hold it.
    pieces: what is sent first. After them the connection is closed (close_after) or served on.
    """

    receive_next: int
    send_next: int
    already_sent: int
    pieces: tuple[Piece, ...]
    client: ClientPosition
    close_after: bool
    """The server would have closed it after the pieces."""
    unanswered: bytes = b""
    """HTTP: requests that this server answers after the pieces."""
    skip_bytes: int = 0
    """HTTP: how many bytes of these answers the client already has; the answers are the same here."""
    skipped_head: bytes = b""
    """HTTP: the head of the first skipped answer as the dead server gave it, its date apart; empty: not
    known."""
    known_head: bytes = b""
    """HTTP: a head of the dead server's; empty: none is known."""
    input_may_be_lost: bool = False
    """The client has sent more than the record contains. If the dead server had acknowledged that, the client
    will not send it again: if it does not arrive soon, the connection must be reset."""
    session: Session | None = None
    """FTP control: the session's state."""
    record: ConnectionRecord | None = None
    """The record, updated from the client's position; None: as it was."""
    shown: int = 0
    """How many of already_sent the client is known to hold, or lacks below what it holds (SACK)."""
    fin_sent: bool = False
    """The client may hold the dead server's FIN, too: it counts as sent after already_sent."""
    answers_sent: int = 0
    """HTTP: how many bytes of the answers to `unanswered`, after those to skip, count as already sent; a FIN
    after them counts as one."""
    answers_bytes: int | None = None
    """HTTP: how many bytes of these answers, those to skip included, the dead server had sent when it closed;
    None: it had not."""

    @property
    def answers_start(self) -> int:
        """HTTP: the sequence number with which the answers to `unanswered` begin."""
        return sequence.add(self.send_next, _size_of(self.pieces) - self.skip_bytes)

    def within(self, limit_bytes: int) -> Rebuild:
        """The same with no more bytes that count as sent than this, as long as the client shows no more."""
        if self.already_sent + self.answers_sent <= limit_bytes:
            return self
        return replace(self, already_sent=self.shown, answers_sent=0,
                       fin_sent=self.fin_sent and self.shown == self.already_sent)


@dataclass(frozen=True, slots=True)
class Reset:
    """The connection cannot be continued: send the client a RST at once."""

    reason: str


@dataclass(frozen=True, slots=True)
class Forget:
    """The client has no such connection any more: drop the record."""

    reason: str


TakeoverPlan = Rebuild | Reset | Forget


class _CannotTakeOverError(Exception):
    """Why the connection cannot be continued, as text for the log."""


def plan_takeover(
    record: ConnectionRecord, client: ClientPosition, tree: PublishedFiles, session: Session | None = None,
    *, http_dialect: str | None = None,
) -> TakeoverPlan:
    """The plan for one connection. session: of the control connection, for FTP data. http_dialect: of the
    HTTP service here; see ConnectionRecord.dialect."""
    if client.gone:
        return Forget("the client has closed it")
    if not record.understood:
        return Reset("not seen from its beginning, or not understood")
    try:
        if record.server_closed and record.acked_bytes == _acked_position(record, client) - 1:
            return _fully_delivered(record, client)  # of any kind
        if record.kind is ConnectionKind.HTTP:
            return _same_http_service(_plan_http(record, client, tree), record, http_dialect)
        if record.kind is ConnectionKind.FTP_CONTROL:
            return _plan_ftp_control(record, client, tree)
        return _plan_ftp_data(record, client, tree, session)
    except (_CannotTakeOverError, UnpredictableReplyError) as exc:
        return Reset(str(exc))


def speaks_here(record: ConnectionRecord) -> bool:
    """Whether the taker's FTP sessions go on in the words of this one's server. A record of an older release
    does not name the dialect: then the last replies show it."""
    if record.kind is not ConnectionKind.FTP_CONTROL:
        return True
    if record.dialect is None:
        return are_known_replies(record.reply_tail)
    return record.dialect == DIALECT


def with_server_start(record: ConnectionRecord, client: ClientPosition) -> ConnectionRecord:
    """Complete the record of a connection whose server had not answered when it was last replicated.

    The server gets the client's first data only when the peers have it (input hold). So by then it has sent
    nothing, or an FTP greeting at most: a client that has said something has heard it. Of FTP data it may
    have sent some, when what it was asked for on the control connection is known: its start stays unknown.
    """
    if record.server_start_known:
        return record
    record = replace(record, server_start=client.ack,
                     server_start_known=record.kind is not ConnectionKind.FTP_DATA)
    if record.kind is not ConnectionKind.FTP_CONTROL:
        return record
    heard = GREETING if client.seq != record.client_start else b""
    return replace(record, session=Session(), server_start=sequence.add(client.ack, -len(heard)),
                   reply_tail=heard, reply_tail_end=client.ack)


def _plan_http(record: ConnectionRecord, client: ClientPosition, tree: PublishedFiles) -> TakeoverPlan:
    position = _acked_position(record, client)
    pieces: list[Piece] = []
    keep = True
    for number, response in enumerate(record.responses, 1):
        is_last = number == len(record.responses)
        if not is_last and position >= record.responses[number].start:
            continue  # the next response has begun, so this one is complete
        if response.length < 0 or response.end > position:
            if is_last and response.request and not response.repeatable:
                return _plan_made_anew(record, response, pieces, client, tree)
            pieces += _remaining_pieces(response, position, tree)
        keep = response.keep_alive
    if record.responses and position < record.responses[0].start:
        raise _CannotTakeOverError("the client lacks more of the answers than is kept")
    end = record.responses[-1].end if record.responses else 0
    if position == end + 1 and (
        record.server_closed or (_client_has_closed(record, client) and not record.unanswered)
    ):
        return _fully_delivered(record, client)
    skip, sent = max(0, position - end), _answers_sent_and_closed(record, end)
    if sent is not None and not max(sent, skip):  # it closed without an answer to the rest
        record = replace(record, unanswered=b"", requested_files=())
    follow = bool(record.requested_files) and (sent is not None or not record.server_closed)
    if skip or (follow and shown_bytes(client.ack, client.sack_blocks) > end - position):
        _check_same_answers(record, tree)
    if skip > (SKIP_LIMIT if sent is None else min(sent, SKIP_LIMIT)):
        raise _CannotTakeOverError("the client is further than the server was")
    more = (SACKED_LIMIT if sent is None else sent - skip + 1) if follow else 0
    close_after = not skip and (record.server_closed or not keep)
    found = _rebuild(record, client, pieces, close_after=close_after, answers_limit=more)
    if follow:
        found = replace(found, answers_bytes=sent)
    if not skip:
        return found
    return replace(found, skip_bytes=skip, known_head=record.responses[-1].head if record.responses else b"")


def _answers_sent_and_closed(record: ConnectionRecord, end: int) -> int | None:
    """How many bytes of answers after `end`, whose heads were not seen, the dead server had sent when it
    closed; None: it had not closed, or that is not known."""
    sent = record.acked_bytes - end
    return sent if record.server_closed and sent >= 0 else None


def _same_http_service(plan: TakeoverPlan, record: ConnectionRecord, http_dialect: str | None
                       ) -> TakeoverPlan:
    """What the client has of an answer is skipped in the answer of the service here: it must be of one kind
    with the dead server's. None: not known (an older release)."""
    known = record.dialect is not None and http_dialect is not None
    if (isinstance(plan, Rebuild) and (plan.skip_bytes or plan.answers_sent) and known
            and (record.dialect != http_dialect or not record.dialect)):
        raise _CannotTakeOverError(
            f"the HTTP server was {record.dialect or 'one that its image does not name'}, here is "
            f"{http_dialect or 'one that is not named'}")
    return plan


def _plan_made_anew(record: ConnectionRecord, response: Response, pieces: list[Piece], client: ClientPosition,
                    tree: PublishedFiles) -> TakeoverPlan:
    """The last answer is a listing, which this server's service makes anew: the same when the directory is.

    pieces: what the client lacks of the answers before it.
    """
    skip = max(0, _acked_position(record, client) - response.start)
    begun = skip or shown_bytes(client.ack, client.sack_blocks)
    if begun and tree.web_listing_facts(_requested_path(response.target)) != response.listed:
        raise _CannotTakeOverError("a listing that may differ here")
    if skip > SKIP_LIMIT:
        raise _CannotTakeOverError("the client is further than the server was")
    nothing = Response(start=response.start, head=b"", target=response.target, offset=0, length=0, size=-1,
                       status=response.status, is_file_range=False)
    record = replace(record, responses=(*record.responses[:-1], nothing), server_closed=False,
                     unanswered=response.request + record.unanswered,
                     requested_files=(response.listed, *record.requested_files))
    found = _rebuild(record, client, pieces, close_after=False, answers_limit=SACKED_LIMIT)
    return replace(found, skip_bytes=skip, record=record, skipped_head=response.head,
                   known_head=response.head)


def _remaining_pieces(response: Response, position: int, tree: PublishedFiles) -> list[Piece]:
    """The part of a response after the position, which is within it."""
    if not response.repeatable:
        raise _CannotTakeOverError(f"the answer ({response.status}) is not a file of the tree")
    path = b""
    if response.length and not response.inline:
        path = file_of(_requested_path(response.target))
        _check_same_file(path, response.size, response.modified, tree)
    return without_first(answer_pieces(response, path), max(0, position - response.start))


def _check_same_answers(record: ConnectionRecord, tree: PublishedFiles) -> None:
    """The client has bytes of answers whose heads were not replicated before the server died.

    The requests are known, and this server gives the same answers when their files are the same: the bytes
    that the client has are skipped. _CannotTakeOverError when they may differ.
    """
    if not record.requested_files:
        raise _CannotTakeOverError("the client is further than the server was")
    for request, facts in zip(split_requests(record.unanswered), record.requested_files, strict=False):
        if not request.is_framed:
            raise _CannotTakeOverError("the client is further than the server was")
        if b"," in request.field(b"range"):
            raise _CannotTakeOverError("an answer with several ranges whose boundary is not known")
        path = _requested_path(request.target)
        if facts[0] == DIRECTORY:
            if tree.web_listing_facts(path) != facts:
                raise _CannotTakeOverError("a listing that may differ here")
            continue
        file = file_of(path)
        # "not found" is the same everywhere
        if facts != UNKNOWN_FACTS or tree.file_facts(file) is not None or tree.is_directory(path):
            _check_same_file(file, *facts, tree)


def _requested_path(target: bytes) -> bytes:
    try:
        return target_path(target)
    except ValueError as exc:
        raise _CannotTakeOverError(str(exc)) from None


def _check_same_file(path: bytes, size: int, modified: int | None, tree: PublishedFiles) -> None:
    """_CannotTakeOverError unless our file has the size and time of the one that was being sent."""
    facts = tree.file_facts(path)
    if facts is None:
        raise _CannotTakeOverError(f"{_printable(path)} is not a file of the tree here")
    if size < 0 or modified is None or modified < 0:
        raise _CannotTakeOverError(f"it is not known which state of {_printable(path)} was being sent")
    if facts != (size, modified):
        raise _CannotTakeOverError(f"{_printable(path)} differs here: {facts[0]} bytes of time {facts[1]}, "
                      f"not {size} of {modified}")


def _plan_ftp_data(
    record: ConnectionRecord, client: ClientPosition, tree: PublishedFiles, session: Session | None
) -> TakeoverPlan:
    transfer: Transfer | None = session.transfer if session is not None else None
    position = _acked_position(record, client)
    if session is None or not session.understood:
        raise _CannotTakeOverError("a data connection of an unknown session")
    if not carries_transfer(record, session):
        if _client_has_closed(record, client):
            return Forget("a data connection of an earlier transfer, which the client has closed")
        raise _CannotTakeOverError("a data connection of an earlier transfer")
    if not record.server_start_known and (session.transfer_requested or transfer is not None):
        raise _CannotTakeOverError("it is not known where a data connection began")
    untouched = position == 0 and not record.server_closed
    untouched = untouched and not _may_hold_data(record, client, session, tree)
    if untouched and (transfer is None or not transfer.started):
        return _rebuild(
            record, client, [], close_after=False
        )  # nothing was sent yet: what is to be sent follows from the control session
    if transfer is None:
        raise _CannotTakeOverError("a data connection that is not for a file")
    if transfer.listing is not None:
        if untouched and session.transferring:
            return _rebuild(record, client, [], close_after=False)  # likewise
        return _plan_listing(record, client, transfer, position, tree)
    if not session.binary:
        raise _CannotTakeOverError("a file sent as text")
    _check_same_file(transfer.path, transfer.size, transfer.modified, tree)
    length = max(0, transfer.size - transfer.offset)
    if position == length + 1:
        return _fully_delivered(record, client)
    if position > length:
        raise _CannotTakeOverError("the client is further than the server was")
    part = FilePart(transfer.path, transfer.offset + position, length - position)
    return _rebuild(record, client, [part] if part.length else [], close_after=True)


def carries_transfer(record: ConnectionRecord, session: Session) -> bool:
    """Whether a data connection is the one that the session has agreed upon last. An earlier one may be there
    still: a client may close late. Port 0: of a reply that was not told."""
    match session.channel:
        case Channel.PASSIVE:
            return session.data_port in (0, record.key.server_port)
        case Channel.ACTIVE:
            return session.data_port == record.key.client_port
        case Channel.NONE:
            return True


def _may_hold_data(record: ConnectionRecord, client: ClientPosition, session: Session, tree: PublishedFiles
                   ) -> bool:
    """Whether a client that lacks the first byte may hold others, of a transfer that was begun untold. One
    that shows none is taken at its word where the same bytes cannot be sent from here."""
    transfer = session.transfer
    if client.sack_blocks or transfer is None or not session.transfer_due:
        return bool(client.sack_blocks)
    same = _known_listing(transfer, tree) is not None if transfer.listing is not None else session.binary
    return same and transfer.size >= 0 and unshown_bytes(record, client.window, ()) > 0


def _known_listing(transfer: Transfer, tree: PublishedFiles) -> bytes | None:
    """The listing that was being sent; None when ours may be another, or it is of a kind not followed."""
    shown = tree.listing(transfer.path, transfer.listing) if transfer.listing is not None else None
    known = shown is not None and (len(shown), zlib.crc32(shown)) == (transfer.size, transfer.modified)
    return shown if known else None


def _plan_listing(
    record: ConnectionRecord, client: ClientPosition, transfer: Transfer, position: int, tree: PublishedFiles
) -> TakeoverPlan:
    """A listing is generated by the FTP server: continue it only if ours is the same, byte for byte."""
    if record.server_closed and position == transfer.size + 1:
        return _fully_delivered(record, client)
    if record.server_closed and position == transfer.size:
        return _rebuild(record, client, [], close_after=True)
    shown = _known_listing(transfer, tree)
    if shown is None or position > len(shown) + 1:
        raise _CannotTakeOverError("a listing that may differ here")
    if position == len(shown) + 1:
        return _fully_delivered(record, client)
    return _rebuild(record, client, [shown[position:]] if position < len(shown) else [], close_after=True)


def _plan_ftp_control(record: ConnectionRecord, client: ClientPosition, tree: PublishedFiles) -> TakeoverPlan:
    session = record.session
    if session is None:
        raise _CannotTakeOverError("a session that is not known")
    if not speaks_here(record):
        said = record.dialect or "words that its image does not name"
        raise _CannotTakeOverError(f"the FTP server spoke {said}, not {DIALECT}")
    unseen = not record.reply_tail and record.reply_tail_end == record.server_start
    if unseen and not record.server_closed:  # the greeting was not seen, but is known
        record = replace(record, reply_tail=GREETING,
                         reply_tail_end=sequence.add(record.server_start, len(GREETING)))
    goodbye = not session.pending and record.reply_tail.endswith(GOODBYE)
    missing = sequence.distance(client.ack, record.reply_tail_end)
    if record.server_closed and missing == -1:
        return _fully_delivered(record, client)
    if record.server_closed and missing < 0:
        raise _CannotTakeOverError("the client is further than the server was")
    if missing > len(record.reply_tail):
        raise _CannotTakeOverError("the client lacks more of the replies than is kept")
    unsaid = record.reply_tail[len(record.reply_tail) - missing:] if missing > 0 else b""
    opened = open_reply_bytes(record.reply_tail)
    known, more = record.reply_tail[len(record.reply_tail) - opened:], opened + max(0, -missing)
    if more and _session_has_ended(session, more, record, client, tree, known):
        return _fully_delivered(record, client)
    if more:
        before = session
        session, rest = advance_session(session, more, tree, str(record.key.server), known)
        goodbye = before.quits and not session.quits
        unsaid += rest
        record = replace(record, session=session, reply_tail=unsaid,
                         reply_tail_end=sequence.add(client.ack, len(unsaid)))
    close_after = record.server_closed or goodbye
    return replace(_rebuild(record, client, [unsaid] if unsaid else [], close_after=close_after),
                   session=session, record=record)


def _client_has_closed(record: ConnectionRecord, client: ClientPosition) -> bool:
    """Whether the client's position is one beyond the record: it has sent its FIN and nothing else."""
    return sequence.distance(record.client_next, client.seq) == 1


def _session_has_ended(
    session: Session, more: int, record: ConnectionRecord, client: ClientPosition, tree: PublishedFiles,
    known: bytes,
) -> bool:
    """Whether the client has closed, the dead server after it, and the client has all replies and the FIN."""
    if not _client_has_closed(record, client):
        return False
    try:
        after, rest = advance_session(session, more - 1, tree, str(record.key.server), known)
    except UnpredictableReplyError:
        return False
    return not rest and not after.pending


def _acked_position(record: ConnectionRecord, client: ClientPosition) -> int:
    """How many of the server's bytes the client has in order (the server's FIN counts as one)."""
    last = record.responses[-1].start if record.responses else 0
    position = sequence.unwrap(record.server_start, client.ack, max(record.acked_bytes, last))
    if position < 0:
        raise _CannotTakeOverError("the client is not where the connection began")
    return position


def _rebuild(
    record: ConnectionRecord, client: ClientPosition, pieces: list[Piece], *, close_after: bool,
    answers_limit: int = 0
) -> Rebuild:
    """receive_next is what the dead server had acknowledged: the client retransmits what follows.

    answers_limit: so many bytes of answers the dead server may have sent after the pieces, and a FIN if it
    has closed; they are the same here.
    """
    unread = sequence.distance(record.client_next, client.seq)
    if not client.exact and -UNREAD_LIMIT < unread < 0:
        unread = 0  # a retransmission of bytes that the server had
    if not 0 <= unread < UNREAD_LIMIT:
        raise _CannotTakeOverError("the client's own bytes do not fit what the server had of them")
    total = _size_of(pieces)
    shown = shown_bytes(client.ack, client.sack_blocks)
    more = min(answers_limit, SACKED_LIMIT)
    if not 0 <= shown <= min(total + (more or 1), SACKED_LIMIT):
        raise _CannotTakeOverError("the client holds bytes that were not to be sent")
    held = max(shown, unshown_bytes(record, client.window, client.sack_blocks))
    if not shown and not close_after and not more and sent_at_once(record, total):
        held = 0
    return Rebuild(
        record.client_next, client.ack, min(held, total), tuple(pieces), client, close_after,
        record.unanswered, input_may_be_lost=unread > 0, shown=min(shown, total),
        fin_sent=close_after and not record.unanswered and 0 < total <= held,
        answers_sent=min(max(0, held - total), more),
    )


def _size_of(pieces: Sequence[Piece]) -> int:
    return sum(len(one) if isinstance(one, bytes) else one.length for one in pieces)


def _fully_delivered(record: ConnectionRecord, client: ClientPosition) -> Rebuild:
    """The client has all data and the FIN. The FIN is sent once more, so that this kernel has the connection
    and does not answer the client's own FIN with RST."""
    found = _rebuild(record, replace(client, ack=sequence.add(client.ack, -1)), [], close_after=True)
    return replace(found, unanswered=b"")


def _printable(path: bytes) -> str:
    return path.decode("utf-8", "backslashreplace")
