"""Whether the files, listings and answers of this server are the dead server's: only then may they go on."""

from __future__ import annotations

import zlib

from ..pieces import file_of
from ..protocols.ftp import Transfer
from ..protocols.http import DIRECTORY
from ..protocols.http_heads import split_requests, target_path
from ..protocols.vsftpd_replies import PublishedFiles
from ..record import UNKNOWN_FACTS, ConnectionRecord
from .plans import CannotTakeOverError


def requested_path(target: bytes) -> bytes:
    try:
        return target_path(target)
    except ValueError as exc:
        raise CannotTakeOverError(str(exc)) from None


def check_same_file(path: bytes, size: int, modified: int | None, tree: PublishedFiles) -> None:
    """CannotTakeOverError unless our file has the size and time of the one that was being sent."""
    facts = tree.file_facts(path)
    if facts is None:
        raise CannotTakeOverError(f"{_printable(path)} is not a file of the tree here")
    if size < 0 or modified is None or modified < 0:
        raise CannotTakeOverError(f"it is not known which state of {_printable(path)} was being sent")
    if facts != (size, modified):
        raise CannotTakeOverError(f"{_printable(path)} differs here: {facts[0]} bytes of time {facts[1]}, "
                      f"not {size} of {modified}")


def check_same_answers(record: ConnectionRecord, tree: PublishedFiles) -> None:
    """The client has bytes of answers whose heads were not replicated before the server died.

    The requests are known, and this server gives the same answers when their files are the same: the bytes
    that the client has are skipped. CannotTakeOverError when they may differ.
    """
    if not record.requested_files:
        raise CannotTakeOverError("the client is further than the server was")
    for request, facts in zip(split_requests(record.unanswered), record.requested_files, strict=False):
        if not request.is_framed:
            raise CannotTakeOverError("the client is further than the server was")
        if b"," in request.field(b"range"):
            raise CannotTakeOverError("an answer with several ranges whose boundary is not known")
        path = requested_path(request.target)
        if facts[0] == DIRECTORY:
            if tree.web_listing_facts(path) != facts:
                raise CannotTakeOverError("a listing that may differ here")
            continue
        file = file_of(path)
        # "not found" is the same everywhere
        if facts != UNKNOWN_FACTS or tree.file_facts(file) is not None or tree.is_directory(path):
            check_same_file(file, *facts, tree)


def known_listing(transfer: Transfer, tree: PublishedFiles) -> bytes | None:
    """The listing that was being sent; None when ours may be another, or it is of a kind not followed."""
    shown = tree.listing(transfer.path, transfer.listing) if transfer.listing is not None else None
    known = shown is not None and (len(shown), zlib.crc32(shown)) == (transfer.size, transfer.modified)
    return shown if known else None


def _printable(path: bytes) -> str:
    return path.decode("utf-8", "backslashreplace")
