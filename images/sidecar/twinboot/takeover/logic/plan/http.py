"""Takeover plan of an HTTP connection: which answers are sent on, made anew, or skipped as far as the client
has them."""

from __future__ import annotations

from dataclasses import replace

from ..holdings import shown_bytes
from ..pieces import Piece, answer_pieces, file_of, without_first
from ..protocols.http_heads import Response
from ..protocols.vsftpd_replies import PublishedFiles
from ..record import ConnectionRecord
from .plans import CannotTakeOverError, ClientPosition, Rebuild, TakeoverPlan
from .resume import SACKED_LIMIT, acked_position, client_has_closed, fully_delivered, rebuild
from .same_content import check_same_answers, check_same_file, requested_path

SKIP_LIMIT = 64 << 20
"""How much a server may have sent between its last record and its death; a larger gap is refused."""


def plan_http(record: ConnectionRecord, client: ClientPosition, tree: PublishedFiles) -> TakeoverPlan:
    position = acked_position(record, client)
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
        raise CannotTakeOverError("the client lacks more of the answers than is kept")
    end = record.responses[-1].end if record.responses else 0
    if position == end + 1 and (
        record.server_closed or (client_has_closed(record, client) and not record.unanswered)
    ):
        return fully_delivered(record, client)
    skip, sent = max(0, position - end), _answers_sent_and_closed(record, end)
    if sent is not None and not max(sent, skip):  # it closed without an answer to the rest
        record = replace(record, unanswered=b"", requested_files=())
    follow = bool(record.requested_files) and (sent is not None or not record.server_closed)
    if skip or (follow and shown_bytes(client.ack, client.sack_blocks) > end - position):
        check_same_answers(record, tree)
    if skip > (SKIP_LIMIT if sent is None else min(sent, SKIP_LIMIT)):
        raise CannotTakeOverError("the client is further than the server was")
    more = (SACKED_LIMIT if sent is None else sent - skip + 1) if follow else 0
    close_after = not skip and (record.server_closed or not keep)
    found = rebuild(record, client, pieces, close_after=close_after, answers_limit=more)
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


def same_http_service(plan: TakeoverPlan, record: ConnectionRecord, http_dialect: str | None
                       ) -> TakeoverPlan:
    """What the client has of an answer is skipped in the answer of the service here: it must be of one kind
    with the dead server's. None: not known (an older release)."""
    known = record.dialect is not None and http_dialect is not None
    if (isinstance(plan, Rebuild) and (plan.skip_bytes or plan.answers_sent) and known
            and (record.dialect != http_dialect or not record.dialect)):
        raise CannotTakeOverError(
            f"the HTTP server was {record.dialect or 'one that its image does not name'}, here is "
            f"{http_dialect or 'one that is not named'}")
    return plan


def _plan_made_anew(record: ConnectionRecord, response: Response, pieces: list[Piece], client: ClientPosition,
                    tree: PublishedFiles) -> TakeoverPlan:
    """The last answer is a listing, which this server's service makes anew: the same when the directory is.

    pieces: what the client lacks of the answers before it.
    """
    skip = max(0, acked_position(record, client) - response.start)
    begun = skip or shown_bytes(client.ack, client.sack_blocks)
    if begun and tree.web_listing_facts(requested_path(response.target)) != response.listed:
        raise CannotTakeOverError("a listing that may differ here")
    if skip > SKIP_LIMIT:
        raise CannotTakeOverError("the client is further than the server was")
    nothing = Response(start=response.start, head=b"", target=response.target, offset=0, length=0, size=-1,
                       status=response.status, is_file_range=False)
    record = replace(record, responses=(*record.responses[:-1], nothing), server_closed=False,
                     unanswered=response.request + record.unanswered,
                     requested_files=(response.listed, *record.requested_files))
    found = rebuild(record, client, pieces, close_after=False, answers_limit=SACKED_LIMIT)
    return replace(found, skip_bytes=skip, record=record, skipped_head=response.head,
                   known_head=response.head)


def _remaining_pieces(response: Response, position: int, tree: PublishedFiles) -> list[Piece]:
    """The part of a response after the position, which is within it."""
    if not response.repeatable:
        raise CannotTakeOverError(f"the answer ({response.status}) is not a file of the tree")
    path = b""
    if response.length and not response.inline:
        path = file_of(requested_path(response.target))
        check_same_file(path, response.facts, tree)
    return without_first(answer_pieces(response, path), max(0, position - response.start))
