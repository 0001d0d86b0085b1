"""Which state of a file or listing a server begins to send: noted when it begins, since it opens it then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from .connection_table import Entry
from .protocols.ftp import Form, Session, Transfer
from .protocols.http_heads import file_of
from .record import UNKNOWN, FileFacts

LOOKED_AT: FileFacts = (-1, 0)
"""There is no such file; it is not looked for again."""


class Looking:
    """look: size and time of a published file, by the path that an FTP client would give. look_at_listing:
    size and CRC-32 of a listing as we would make it."""

    def __init__(self, look: Callable[[bytes], FileFacts | None],
                 look_at_listing: Callable[[bytes, Form], FileFacts | None]) -> None:
        self._look, self._look_at_listing = look, look_at_listing
        self._alike = True
        """The FTP server here makes listings as we would: the last one was as long."""

    def at(self, entry: Entry) -> None:
        """What this connection's server begins to send."""
        if entry.http is not None:
            for request in entry.http.pending:
                if request not in entry.wanted:
                    path = file_of(request)
                    entry.wanted[request] = (self._look(path) if path is not None else None) or UNKNOWN
            if len(entry.wanted) > len(entry.http.pending):
                entry.wanted = {one: entry.wanted[one] for one in entry.http.pending}
            return
        transfer = entry.ftp.session.transfer if entry.ftp is not None else None
        if entry.ftp is not None and transfer is not None and (transfer.size, transfer.modified) == UNKNOWN:
            size, modified = self._facts(transfer) or LOOKED_AT
            entry.ftp.session = replace(
                entry.ftp.session, transfer=replace(transfer, size=size, modified=modified))

    def ended(self, session: Session, transfer: Transfer, size: int) -> Transfer:
        """The server has sent all, so many bytes: now it is known how long a listing really was."""
        if transfer.listing is None or size < 0:
            return transfer
        if transfer.size >= 0 and len(session.pending) == 1:  # (nobody has broken it off)
            self._alike = size == transfer.size
        return transfer if size == transfer.size else replace(transfer, size=size, modified=-1)

    def _facts(self, transfer: Transfer) -> FileFacts | None:
        if transfer.listing is None:
            return self._look(transfer.path)
        found = self._look_at_listing(transfer.path, transfer.listing)
        return (found[0], -1) if found is not None and not self._alike else found
