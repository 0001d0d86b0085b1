"""What the taker is to do with one connection: the record and the client's own answer in, a plan out.

The record says what was being sent, the client says how far it has it. Nothing here touches a socket or
a file; the tree tells the size and the time of a published file.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace

from .protocols.ftp import Session, Transfer
from .protocols.http_heads import Response, path_of
from .protocols.vsftpd_replies import GREETING, NotKnownError, Published, heard, open_bytes
from .record import UNKNOWN, Kind, Record
from .tcp import seq as sequence
from .tcp.segment import RST, Segment

AHEAD_LIMIT = 8 << 20
"""More than a client can hold beyond a hole. What says more is not believed."""
UNREAD_LIMIT = 1 << 20
BLOCKS_SHOWN = 4
"""So many blocks beyond holes fit into a segment, one less with time stamps (RFC 2018 section 3)."""
UNSHOWN_LIMIT = 1 << 20
"""So far beyond a hole a client is thought to hold blocks that it does not show. What it acknowledges later
and we have not "sent" its kernel's peer, ours, would not believe."""
SKIP_LIMIT = 64 << 20
"""What a server may have sent between its last word to the peers and its death; more is not believed."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Where the client stands: what it will send next, what it waits for, and what it has beyond a hole.

    exact: False when seq is only what it has sent at least (it said something again, and may have said more).
    """

    seq: int
    ack: int
    window: int
    timestamps: tuple[int, int] | None = None
    sack_blocks: tuple[tuple[int, int], ...] = ()
    exact: bool = True
    gone: bool = False
    """It has no such connection (any more)."""

    @classmethod
    def of(cls, segment: Segment) -> Answer:
        options = segment.options
        return cls(sequence.add(segment.seq, segment.payload_bytes), segment.ack, segment.window,
                   options.timestamps, options.sack_blocks, exact=not segment.payload_bytes,
                   gone=bool(segment.flags & RST))


@dataclass(frozen=True, slots=True)
class FilePart:
    """`length` bytes of a published file from `offset` on."""

    path: bytes
    offset: int
    length: int


Piece = bytes | FilePart


@dataclass(frozen=True, slots=True)
class Adopt:
    """Rebuild the connection and send on.

    receive_next, send_next: sequence numbers for TCP_REPAIR. ahead: how many of the first bytes are put
    into the send queue as already sent, because the client holds data beyond a hole.
    then: what the connection is for after the pieces: see After.
    """

    receive_next: int
    send_next: int
    ahead: int
    pieces: tuple[Piece, ...]
    answer: Answer
    closes: bool
    """The server would have closed it after the pieces."""
    unanswered: bytes = b""
    """HTTP: requests to be answered by this server then."""
    skip: int = 0
    """HTTP: so much of these answers the client has already; they are the same here."""
    expects: bool = False
    """The client has said more than the dead server told of. If that server had it, it is lost, and the
    client will not say it again: what does not come soon will never come."""
    session: Session | None = None
    """FTP control: where it stands."""
    record: Record | None = None
    """The record as it is after what the client's answer has told."""


@dataclass(frozen=True, slots=True)
class Reset:
    """It cannot be gone on with: the client has to know at once."""

    reason: str


@dataclass(frozen=True, slots=True)
class Forget:
    """There is nothing left to do."""

    reason: str


Plan = Adopt | Reset | Forget


class _Cannot(Exception):
    """Why not, in words."""


def plan(record: Record, answer: Answer, tree: Published, session: Session | None = None) -> Plan:
    """The plan for one connection. session: of the control connection, for FTP data."""
    if answer.gone:
        return Forget("the client has closed it")
    if not record.known:
        return Reset("not seen from its beginning, or not understood")
    try:
        if record.server_closed and 0 < record.progress == _position(record, answer) - 1:
            return _delivered(record, answer)  # whatever it was
        if record.kind is Kind.HTTP:
            return _http(record, answer, tree)
        if record.kind is Kind.FTP_CONTROL:
            return _control(record, answer, tree)
        return _data(record, answer, tree, session)
    except (_Cannot, NotKnownError) as exc:
        return Reset(str(exc))


def completed(record: Record, answer: Answer) -> Record:
    """The record of a connection whose server had not answered when its peers last heard of it.

    Before they know the client's first words, the server does not have them; so it has said nothing, or
    has greeted at most. Who has been greeted speaks; who has not is greeted by _control.
    """
    if record.server_seen:
        return record
    record = replace(record, server_start=answer.ack, server_seen=True)
    if record.kind is not Kind.FTP_CONTROL:
        return record
    return replace(record, session=Session(), said=b"", said_end=answer.ack)


def _http(record: Record, answer: Answer, tree: Published) -> Plan:
    position = _position(record, answer)
    pieces: list[Piece] = []
    keep = True
    for number, response in enumerate(record.responses, 1):
        if number < len(record.responses) and position >= record.responses[number].start:
            continue  # it is over, however long it was
        if response.length < 0 or response.end > position:
            pieces += _rest_of(response, position, tree)
        keep = response.keep
    if record.responses and position < record.responses[0].start:
        raise _Cannot("the client lacks more of the answers than is kept")
    end = record.responses[-1].end if record.responses else 0
    if position == end + 1 and (record.server_closed or (_left(record, answer) and not record.unanswered)):
        return _delivered(record, answer)
    if position > end:
        skip = _skip(record, answer, position - end, tree)
        return replace(_adopt(record, answer, [], closes=False), skip=skip)
    return _adopt(record, answer, pieces, closes=record.server_closed or not keep)


def _rest_of(response: Response, position: int, tree: Published) -> list[Piece]:
    """What of a response comes after the position."""
    if not response.repeatable:
        raise _Cannot(f"the answer ({response.status}) is not a file of the tree")
    done = max(0, position - response.start)
    head = response.head[done:]
    skipped = max(0, done - len(response.head))
    if response.inline:
        return [head + response.inline[skipped:]]
    pieces: list[Piece] = [head] if head else []
    if response.length - skipped > 0:
        path = _path(response.target)
        _check(path, response.size, response.modified, tree)
        pieces.append(FilePart(path, response.offset + skipped, response.length - skipped))
    return pieces


def _skip(record: Record, answer: Answer, count: int, tree: Published) -> int:
    """The client has `count` bytes of answers whose heads we were not told of before the server died.

    The requests are known, and this server answers them alike when their files are the same: what the
    client has is left out.
    """
    if not record.wanted or record.server_closed or answer.sack_blocks or count > SKIP_LIMIT:
        raise _Cannot("the client is further than the server was")
    for target, facts in zip(_targets(record.unanswered), record.wanted, strict=False):
        if facts != UNKNOWN or tree.look(_path(target)) is not None:  # "not found" is the same everywhere
            _check(_path(target), *facts, tree)
    return count


def _targets(requests: bytes) -> list[bytes]:
    return [head.lstrip().split(b" ")[1] for head in requests.split(b"\r\n\r\n")[:-1]]


def _path(target: bytes) -> bytes:
    try:
        return path_of(target)
    except ValueError as exc:
        raise _Cannot(str(exc)) from None


def _check(path: bytes, size: int, modified: int | None, tree: Published) -> None:
    """Is our file the one that was being sent?"""
    facts = tree.look(path)
    if facts is None:
        raise _Cannot(f"{_shown(path)} is not a file of the tree here")
    if size < 0 or modified is None or modified < 0:
        raise _Cannot(f"it is not known which state of {_shown(path)} was being sent")
    if facts != (size, modified):
        raise _Cannot(f"{_shown(path)} differs here: {facts[0]} bytes of time {facts[1]}, "
                      f"not {size} of {modified}")


def _data(record: Record, answer: Answer, tree: Published, session: Session | None) -> Plan:
    transfer: Transfer | None = session.transfer if session is not None else None
    position = _position(record, answer)
    if session is None or not session.known:
        raise _Cannot("a data connection of an unknown session")
    if position == 0 and not record.server_closed and (transfer is None or not transfer.started):
        return _adopt(record, answer, [], closes=False)  # nothing was sent: the session will say what is
    if transfer is None:
        raise _Cannot("a data connection that is not for a file")
    if transfer.listing is not None:
        if position == 0 and not record.server_closed and not answer.sack_blocks and session.sending:
            return _adopt(record, answer, [], closes=False)  # likewise
        return _listing(record, answer, transfer, position, tree)
    if not session.binary:
        raise _Cannot("a file sent as text")
    _check(transfer.path, transfer.size, transfer.modified, tree)
    length = max(0, transfer.size - transfer.offset)
    if position == length + 1:
        return _delivered(record, answer)
    if position > length:
        raise _Cannot("the client is further than the server was")
    part = FilePart(transfer.path, transfer.offset + position, length - position)
    return _adopt(record, answer, [part] if part.length else [], closes=True)


def _listing(record: Record, answer: Answer, transfer: Transfer, position: int, tree: Published) -> Plan:
    """Its bytes are the FTP server's, not a file's: who has some gets the rest only if ours would have been
    the same there."""
    if record.server_closed and position == transfer.size + 1:
        return _delivered(record, answer)
    if record.server_closed and position == transfer.size:
        return _adopt(record, answer, [], closes=True)
    shown = tree.listing(transfer.path, transfer.listing) if transfer.listing is not None else None
    if shown is None:
        raise _Cannot("a listing that is not followed")
    if (len(shown), zlib.crc32(shown)) != (transfer.size, transfer.modified) or position > len(shown):
        raise _Cannot("a listing that may differ here")
    return _adopt(record, answer, [shown[position:]] if position < len(shown) else [], closes=True)


def _control(record: Record, answer: Answer, tree: Published) -> Plan:
    session = record.session
    if session is None:
        raise _Cannot("a session that is not known")
    nothing = (answer.seq, answer.ack) == (record.client_start, record.server_start)
    if nothing and not record.said and not record.server_closed:  # the client waits to be greeted
        record = replace(record, said=GREETING, said_end=sequence.add(answer.ack, len(GREETING)))
    missing = sequence.distance(answer.ack, record.said_end)
    if record.server_closed and missing == -1:
        return _delivered(record, answer)
    if record.server_closed and missing < 0:
        raise _Cannot("the client is further than the server was")
    if missing > len(record.said):
        raise _Cannot("the client lacks more of the replies than is kept")
    unsaid = record.said[len(record.said) - missing:] if missing > 0 else b""
    more = open_bytes(record.said) + max(0, -missing)
    if more and _ended(session, more, record, answer, tree):
        return _delivered(record, answer)
    if more:
        session, rest = heard(session, more, tree, str(record.key.server))
        unsaid += rest
        record = replace(record, session=session, said=unsaid,
                         said_end=sequence.add(answer.ack, len(unsaid)))
    return replace(_adopt(record, answer, [unsaid] if unsaid else [], closes=record.server_closed),
                   session=session, record=record)


def _left(record: Record, answer: Answer) -> bool:
    """The client has said no more than its FIN, as far as one can see."""
    return sequence.distance(record.client_next, answer.seq) == 1


def _ended(session: Session, more: int, record: Record, answer: Answer, tree: Published) -> bool:
    """The client has closed, and the dead server after it: all replies were heard, and its FIN."""
    if not _left(record, answer):
        return False
    try:
        after, rest = heard(session, more - 1, tree, str(record.key.server))
    except NotKnownError:
        return False
    return not rest and not after.pending


def _position(record: Record, answer: Answer) -> int:
    """How many of the server's bytes the client has in order (its FIN counts as one)."""
    last = record.responses[-1].start if record.responses else 0
    position = sequence.unwrap(record.server_start, answer.ack, max(record.progress, last))
    if position < 0:
        raise _Cannot("the client is not where the connection began")
    return position


def _adopt(record: Record, answer: Answer, pieces: list[Piece], *, closes: bool) -> Adopt:
    """receive_next is what the dead server had: what the client has sent since comes again."""
    unread = sequence.distance(record.client_next, answer.seq)
    if not answer.exact and -UNREAD_LIMIT < unread < 0:
        unread = 0  # it says again what the server had
    if not 0 <= unread < UNREAD_LIMIT:
        raise _Cannot("the client's own bytes do not fit what the server had of them")
    ahead = max((sequence.distance(answer.ack, right) for _left, right in answer.sack_blocks), default=0)
    total = sum(len(one) if isinstance(one, bytes) else one.length for one in pieces)
    if not 0 <= ahead <= min(total + 1, AHEAD_LIMIT):
        raise _Cannot("the client holds bytes that were not to be sent")
    if len(answer.sack_blocks) >= (BLOCKS_SHOWN if answer.timestamps is None else BLOCKS_SHOWN - 1):
        # There may be more, and farther ones: it shows the latest (RFC 2018 section 4), not the highest.
        scale = max(0, record.client_offer.window_scale) if record.server_offer.window_scale >= 0 else 0
        ahead = max(ahead, min(answer.window << scale, UNSHOWN_LIMIT))
    return Adopt(record.client_next, answer.ack, min(ahead, total), tuple(pieces), answer, closes,
                 record.unanswered, expects=unread > 0)


def _delivered(record: Record, answer: Answer) -> Adopt:
    """The client has all, and our FIN. It is said once more, so that this kernel knows the connection, and
    does not refuse what the client says at its end."""
    found = _adopt(record, replace(answer, ack=sequence.add(answer.ack, -1)), [], closes=True)
    return replace(found, unanswered=b"")


def _shown(path: bytes) -> str:
    return path.decode("utf-8", "backslashreplace")
