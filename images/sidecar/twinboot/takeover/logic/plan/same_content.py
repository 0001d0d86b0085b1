"""Whether the files, listings and answers of this server are the dead server's: only then may they go on."""

from __future__ import annotations

import zlib

from ..file_facts import UNKNOWN_FACTS, FileFacts
from ..pieces import file_of
from ..protocols.ftp import Transfer
from ..protocols.http import CONDITIONS, DIRECTORY
from ..protocols.http_heads import Request, split_requests, target_path
from ..protocols.vsftpd_replies import PublishedFiles
from ..record import ConnectionRecord
from .plans import CannotTakeOverError


def requested_path(target: bytes) -> bytes:
    try:
        return target_path(target)
    except ValueError as exc:
        raise CannotTakeOverError(str(exc)) from None


def check_same_file(path: bytes, sent: FileFacts, tree: PublishedFiles) -> FileFacts:
    """Our file's facts. CannotTakeOverError unless it is the one that was being sent: of that SHA-256, where
    both servers know it, else of that size and time."""
    facts = tree.file_facts(path)
    if facts is None:
        raise CannotTakeOverError(f"{_printable(path)} is not a file of the tree here")
    by_content = bool(sent.content and facts.content)
    if sent.size < 0 or (sent.modified < 0 and not by_content):
        raise CannotTakeOverError(f"it is not known which state of {_printable(path)} was being sent")
    if not facts.is_same(sent):
        raise CannotTakeOverError(
            f"{_printable(path)} differs here: {_shown(facts, by_content)}, not {_shown(sent, by_content)}")
    return facts


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
            _check_same_answer(request, facts, check_same_file(file, facts, tree))


def _check_same_answer(request: Request, sent: FileFacts, ours: FileFacts) -> None:
    """Raises where the same file with another time here makes another answer. What the client has of the
    answer is skipped in ours, whose head tells our time: it must be as long, and a whole file here as it was
    there."""
    if sent.modified == ours.modified:
        return
    if any(request.field(name) for name in CONDITIONS):
        raise CannotTakeOverError("an answer that depends on the time of its file, which is another here")
    if len(f"{sent.modified:x}") != len(f"{ours.modified:x}"):  # nginx' ETag has it
        raise CannotTakeOverError("an answer whose head may have another length here")


def known_listing(transfer: Transfer, tree: PublishedFiles) -> bytes | None:
    """The listing that was being sent; None when ours may be another, or it is of a kind not followed."""
    shown = tree.listing(transfer.path, transfer.listing) if transfer.listing is not None else None
    known = shown is not None and FileFacts(len(shown), zlib.crc32(shown)) == transfer.facts
    return shown if known else None


def _shown(facts: FileFacts, by_content: bool) -> str:
    what = f"SHA-256 {facts.content.hex()}..." if by_content else f"time {facts.modified}"
    return f"{facts.size} bytes of {what}"


def _printable(path: bytes) -> str:
    return path.decode("utf-8", "backslashreplace")
