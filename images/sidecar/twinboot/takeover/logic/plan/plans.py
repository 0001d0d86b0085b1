"""The takeover plans as values: rebuild, reset or forget; and the client's position, where each begins."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..pieces import Piece, size_of
from ..protocols.ftp import Session
from ..record import ConnectionRecord
from ..tcp import seq as sequence
from ..tcp.segment import RST, Segment


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
        return sequence.add(self.send_next, size_of(self.pieces) - self.skip_bytes)

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


class CannotTakeOverError(Exception):
    """Why the connection cannot be continued: the reason of a Reset."""
