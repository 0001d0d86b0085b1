"""Which state of a file or listing a server begins to send: noted when it begins, since it opens it then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from .connection_table import Connection
from .protocols.ftp import ListingFormat, Session, Transfer
from .protocols.http_heads import requested_path
from .record import UNKNOWN_FACTS, FileFacts

NO_SUCH_FILE: FileFacts = (-1, 0)
"""There is no such file; it is not looked for again."""


class FileSnapshots:
    """look: size and time of a published file, by the path that an FTP client would give. listing_facts:
    size and CRC-32 of a listing as we would make it."""

    def __init__(self, file_facts: Callable[[bytes], FileFacts | None],
                 listing_facts: Callable[[bytes, ListingFormat], FileFacts | None]) -> None:
        self._file_facts, self._listing_facts = file_facts, listing_facts
        self._listings_match = True
        """The FTP server here makes listings as we would: the last one was as long."""

    def update(self, connection: Connection) -> None:
        """What this connection's server begins to send."""
        if connection.http is not None:
            for request in connection.http.pending:
                if request not in connection.requested_files:
                    path = requested_path(request)
                    connection.requested_files[request] = (
                        self._file_facts(path) if path is not None else None
                    ) or UNKNOWN_FACTS
            if len(connection.requested_files) > len(connection.http.pending):
                connection.requested_files = {
                    one: connection.requested_files[one] for one in connection.http.pending
                }
            return
        transfer = connection.ftp.session.transfer if connection.ftp is not None else None
        if (
            connection.ftp is not None
            and transfer is not None
            and (transfer.size, transfer.modified) == UNKNOWN_FACTS
        ):
            size, modified = self._facts_of(transfer) or NO_SUCH_FILE
            connection.ftp.session = replace(
                connection.ftp.session, transfer=replace(transfer, size=size, modified=modified))

    def transfer_ended(self, session: Session, transfer: Transfer, size: int) -> Transfer:
        """The server has sent all, so many bytes: now it is known how long a listing really was."""
        if transfer.listing is None or size < 0:
            return transfer
        if transfer.size >= 0 and len(session.pending) == 1:  # (nobody has broken it off)
            self._listings_match = size == transfer.size
        return transfer if size == transfer.size else replace(transfer, size=size, modified=-1)

    def _facts_of(self, transfer: Transfer) -> FileFacts | None:
        if transfer.listing is None:
            return self._file_facts(transfer.path)
        found = self._listing_facts(transfer.path, transfer.listing)
        return (found[0], -1) if found is not None and not self._listings_match else found
