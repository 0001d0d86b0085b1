"""Where a rebuilt connection resumes: sequence numbers, what is sent again, what counts as sent already.

The same for every protocol. A client's position that cannot be is a CannotTakeOverError.
"""

from __future__ import annotations

from dataclasses import replace

from ..holdings import sent_at_once, shown_bytes, unshown_bytes
from ..pieces import Piece, size_of
from ..record import ConnectionRecord
from ..tcp import seq as sequence
from .plans import CannotTakeOverError, ClientPosition, Rebuild

SACKED_LIMIT = 8 << 20
"""More than a client can hold beyond a hole; a position that claims more is refused."""
UNREAD_LIMIT = 1 << 20


def acked_position(record: ConnectionRecord, client: ClientPosition) -> int:
    """How many of the server's bytes the client has in order (the server's FIN counts as one)."""
    last = record.responses[-1].start if record.responses else 0
    position = sequence.unwrap(record.server_start, client.ack, max(record.acked_bytes, last))
    if position < 0:
        raise CannotTakeOverError("the client is not where the connection began")
    return position


def client_has_closed(record: ConnectionRecord, client: ClientPosition) -> bool:
    """Whether the client's position is one beyond the record: it has sent its FIN and nothing else."""
    return sequence.distance(record.client_next, client.seq) == 1


def rebuild(
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
        raise CannotTakeOverError("the client's own bytes do not fit what the server had of them")
    total = size_of(pieces)
    shown = shown_bytes(client.ack, client.sack_blocks)
    more = min(answers_limit, SACKED_LIMIT)
    if not 0 <= shown <= min(total + (more or 1), SACKED_LIMIT):
        raise CannotTakeOverError("the client holds bytes that were not to be sent")
    held = max(shown, unshown_bytes(record, client.window, client.sack_blocks))
    if not shown and not close_after and not more and sent_at_once(record, total):
        held = 0
    return Rebuild(
        record.client_next, client.ack, min(held, total), tuple(pieces), client, close_after,
        record.unanswered, input_may_be_lost=unread > 0, shown=min(shown, total),
        fin_sent=close_after and not record.unanswered and 0 < total <= held,
        answers_sent=min(max(0, held - total), more),
    )


def fully_delivered(record: ConnectionRecord, client: ClientPosition) -> Rebuild:
    """The client has all data and the FIN. The FIN is sent once more, so that this kernel has the connection
    and does not answer the client's own FIN with RST."""
    found = rebuild(record, replace(client, ack=sequence.add(client.ack, -1)), [], close_after=True)
    return replace(found, unanswered=b"")
