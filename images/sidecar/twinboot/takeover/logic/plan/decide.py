"""Decides what becomes of one connection, by what its record says and by its protocol."""

from __future__ import annotations

from dataclasses import replace

from ..protocols.ftp import Session
from ..protocols.vsftpd_replies import GREETING, PublishedFiles, UnpredictableReplyError
from ..record import ConnectionKind, ConnectionRecord
from ..tcp import seq as sequence
from .ftp_control import plan_ftp_control
from .ftp_data import plan_ftp_data
from .http import plan_http, same_http_service
from .plans import CannotTakeOverError, ClientPosition, Forget, Reset, TakeoverPlan
from .resume import acked_position, fully_delivered


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
        if record.server_closed and record.acked_bytes == acked_position(record, client) - 1:
            return fully_delivered(record, client)  # of any kind
        if record.kind is ConnectionKind.HTTP:
            return same_http_service(plan_http(record, client, tree), record, http_dialect)
        if record.kind is ConnectionKind.FTP_CONTROL:
            return plan_ftp_control(record, client, tree)
        return plan_ftp_data(record, client, tree, session)
    except (CannotTakeOverError, UnpredictableReplyError) as exc:
        return Reset(str(exc))


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
