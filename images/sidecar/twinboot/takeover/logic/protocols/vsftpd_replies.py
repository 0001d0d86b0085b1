"""vsftpd's replies, byte for byte: to send them in its place, and to predict what it had sent.

The peers have a client's commands before its server does (input_hold.py), but not always the last replies.
Those follow from the commands, the tree and the site's vsftpd configuration, so the number of reply bytes
that a client has received shows how far its server had come. Only the port of a passive data connection
does not follow; it is learned when the client connects.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import replace
from time import gmtime, strftime
from typing import Protocol

from ..file_facts import FileFacts
from .ftp import (
    TRANSFER_COMMANDS,
    Channel,
    ListingFormat,
    Session,
    Transfer,
    apply_reply,
    join_path,
    split_command,
)

GREETING = b"220 Twinboot\r\n"
GOODBYE = b"221 Goodbye.\r\n"
PORT_ACCEPTED = b"200 PORT command successful. Consider using PASV.\r\n"
PORT_REFUSED = b"500 Illegal PORT command.\r\n"
EPRT_REFUSED = b"500 Bad EPRT command.\r\n"
EPSV_ALL = b"200 EPSV ALL ok.\r\n"
EPSV_REFUSED = b"522 Bad network protocol.\r\n"
STATUS = b"211-FTP server status:\r\n211 End of status\r\n"
EPRT_ACCEPTED = b"200 EPRT command successful. Consider using EPSV.\r\n"
TRANSFER_COMPLETE = b"226 Transfer complete.\r\n"
LISTING_COMPLETE = b"226 Directory send OK.\r\n"
LISTING_FOLLOWS = b"150 Here comes the directory listing.\r\n"
ANONYMOUS = (b"ANONYMOUS", b"FTP")
_LOGIN_FIRST = b"530 Please login with USER and PASS."
_BEFORE_LOGIN = (b"USER", b"PASS", b"QUIT", b"FEAT", b"OPTS")
_FIXED = {
    b"NOOP": b"200 NOOP ok.", b"SYST": b"215 UNIX Type: L8", b"PASS": b"230 Already logged in.",
    b"REIN": b"502 REIN not implemented.", b"ACCT": b"502 ACCT not implemented.",
    b"SMNT": b"502 SMNT not implemented.", b"SITE": b"550 Permission denied.",
    b"PBSZ": b"550 Permission denied.", b"PROT": b"550 Permission denied.",
    b"HELP": b"\r\n ".join((
        b"214-The following commands are recognized.",
        b"ABOR ACCT ALLO APPE CDUP CWD  DELE EPRT EPSV FEAT HELP LIST MDTM MKD",
        b"MODE NLST NOOP OPTS PASS PASV PORT PWD  QUIT REIN REST RETR RMD  RNFR",
        b"RNTO SITE SIZE SMNT STAT STOR STOU STRU SYST TYPE USER XCUP XCWD XMKD", b"XPWD XRMD",
    )) + b"\r\n214 Help OK.",
    b"ABOR": b"225 No transfer to ABOR.", b"ALLO": b"202 ALLO command ignored.", b"QUIT": GOODBYE.rstrip(),
    b"FEAT": b"\r\n ".join((b"211-Features:", b"EPRT", b"EPSV", b"MDTM", b"PASV", b"REST STREAM", b"SIZE",
                            b"TVFS")) + b"\r\n211 End",
}
_MULTILINE = re.compile(rb"\d{3}-")
_WRITE_COMMANDS = (b"STOR", b"STOU", b"APPE", b"DELE", b"MKD", b"XMKD", b"RMD", b"XRMD", b"RNFR", b"RNTO")
_DATA_COMMANDS = (b"RETR", b"LIST", b"NLST", b"PASV", b"EPSV", b"PORT", b"EPRT", b"STAT")


class PublishedFiles(Protocol):
    """The tree, as its paths are named in FTP."""

    def file_facts(self, path: bytes) -> FileFacts | None: ...
    def is_directory(self, path: bytes) -> bool: ...
    def listing(self, path: bytes, form: ListingFormat) -> bytes | None: ...
    def web_listing_facts(self, path: bytes) -> FileFacts | None: ...


def reply_to(session: Session, line: bytes, tree: PublishedFiles) -> bytes | None:
    """The reply to a command that needs no data connection; None for one that does."""
    verb, argument = split_command(line)
    if not session.logged_in and verb not in _BEFORE_LOGIN:
        return _LOGIN_FIRST + b"\r\n"
    said = None if verb in _DATA_COMMANDS else _reply(session, verb, argument, tree)
    return said + b"\r\n" if said is not None else None


def _reply(session: Session, verb: bytes, argument: bytes, tree: PublishedFiles) -> bytes:
    match verb:
        case b"USER":
            return _user(session, argument)
        case b"PASS" if not session.logged_in:
            return b"503 Login with USER first."
        case b"CWD" | b"XCWD" | b"CDUP" | b"XCUP":
            path = join_path(session.directory, b".." if verb.endswith(b"UP") else argument)
            good = path is not None and tree.is_directory(path)
            return b"250 Directory successfully changed." if good else b"550 Failed to change directory."
        case b"PWD" | b"XPWD":
            shown = posixpath.normpath(session.directory).replace(b'"', b'""')
            return b'257 "%s" is the current directory' % shown
        case b"TYPE":
            return _type(argument)
        case b"REST":
            return b"350 Restart position accepted (%d)." % restart_offset(argument)
        case b"SIZE" | b"MDTM":
            return _size_or_mdtm(session, verb, argument, tree)
        case b"MODE":
            return b"200 Mode set to S." if argument.upper() == b"S" else b"504 Bad MODE command."
        case b"STRU":
            return b"200 Structure set to F." if argument.upper() == b"F" else b"504 Bad STRU command."
        case b"OPTS":
            utf8 = argument.upper() == b"UTF8 ON"
            return b"200 Always in UTF8 mode." if utf8 else b"501 Option not understood."
        case _ if verb in _WRITE_COMMANDS:
            return b"550 Permission denied."
        case _:
            return _FIXED.get(verb, b"500 Unknown command.")


def _user(session: Session, argument: bytes) -> bytes:
    if session.logged_in:
        return b"530 Can't change from guest user."
    good = argument.upper() in ANONYMOUS
    return b"230 Login successful." if good else b"530 This FTP server is anonymous only."


def _type(argument: bytes) -> bytes:
    kind = argument.upper()
    if kind in (b"I", b"L8", b"L 8"):
        return b"200 Switching to Binary mode."
    return b"200 Switching to ASCII mode." if kind in (b"A", b"A N") else b"500 Unrecognised TYPE command."


def _size_or_mdtm(session: Session, verb: bytes, argument: bytes, tree: PublishedFiles) -> bytes:
    path = join_path(session.directory, argument)
    facts = tree.file_facts(path) if path is not None else None
    if verb == b"SIZE":
        return b"213 %d" % facts.size if facts is not None else b"550 Could not get file size."
    if facts is None:
        return b"550 Could not get file modification time."
    return b"213 " + strftime("%Y%m%d%H%M%S", gmtime(facts.modified)).encode()


def restart_offset(argument: bytes) -> int:
    """The offset of a REST command: like vsftpd, 0 when it is not a number."""
    return int(argument) if argument.isdigit() and len(argument) < 19 else 0


def opening_reply(argument: bytes, size: int) -> bytes:
    """The reply when a file of `size` bytes requested by RETR begins to be sent."""
    return b"150 Opening BINARY mode data connection for %s (%d bytes).\r\n" % (argument, size)


def opening_of(transfer: Transfer, argument: bytes) -> bytes:
    """The same, or that of a listing."""
    return LISTING_FOLLOWS if transfer.listing is not None else opening_reply(argument, transfer.size)


def passive_reply(port: int, server: str) -> bytes:
    """The reply to PASV (RFC 959 section 4.1.2)."""
    numbers = server.replace(".", ",")
    return f"227 Entering Passive Mode ({numbers},{port // 256},{port % 256}).\r\n".encode()


def extended_passive_reply(port: int) -> bytes:
    """The reply to EPSV (RFC 2428 section 3)."""
    return b"229 Entering Extended Passive Mode (|||%d|)\r\n" % port


def reply_to_epsv(argument: bytes) -> bytes:
    """The reply to EPSV when no port for IPv4 is asked for (RFC 2428 section 3); else empty."""
    if argument.strip().upper() in (b"", b"1"):
        return b""
    return EPSV_ALL if argument.strip().upper() == b"ALL" else EPSV_REFUSED


def status_of(listing: bytes) -> bytes:
    """The reply to STAT with a path."""
    return b"213-Status follows:\r\n" + listing + b"213 End of status\r\n"


# Prediction of replies ----------------------------------------------------------------------------


class UnpredictableReplyError(Exception):
    """The client has received replies that do not follow from what is known."""


def advance_session(
    session: Session, heard_bytes: int, tree: PublishedFiles, server: str, known: bytes = b""
) -> tuple[Session, bytes]:
    """The session after its client has received `heard_bytes` more of replies, and the last reply's rest.

    server: its address. known: how these replies begin, as far as they were seen. vsftpd writes a line at
    once, so a client that has a part of a line has had another reply than the one that is expected here.
    Raises UnpredictableReplyError.
    """
    while heard_bytes:
        for reply, state in _next_replies(session, heard_bytes, tree, server):
            session = state
            heard = reply[:heard_bytes]
            follows = heard.endswith(b"\r\n") or len(heard) <= len(known)
            if not reply.startswith(known[:len(reply)]) or not follows:
                raise UnpredictableReplyError("the client has had other replies than are expected")
            known = known[len(reply):]
            if heard_bytes <= len(reply):
                return session, reply[heard_bytes:]
            heard_bytes -= len(reply)
    return session, b""


def _next_replies(
    session: Session, heard_bytes: int, tree: PublishedFiles, server: str
) -> Iterator[tuple[bytes, Session]]:
    """The replies to the oldest command, each with the session after it."""
    if not session.pending or not session.understood:
        raise UnpredictableReplyError("the client has had replies that are not known")
    line = session.pending[0]
    verb, argument = split_command(line)
    rest = replace(session, pending=session.pending[1:])
    if verb in TRANSFER_COMMANDS:
        yield from _transfer_replies(session, rest, verb, argument)
    elif verb == b"EPSV" and (refused := reply_to_epsv(argument)):
        yield refused, rest
    elif verb in (b"PASV", b"EPSV"):
        yield _passive_reply_of_length(verb, heard_bytes, server), replace(
            rest, channel=Channel.PASSIVE, data_port=0, transfer=None)
    else:
        said = {b"PORT": PORT_ACCEPTED, b"EPRT": EPRT_ACCEPTED}.get(verb) or reply_to(session, line, tree)
        if said is None:
            raise UnpredictableReplyError("the client has had replies that are not known")
        yield said, apply_reply(rest, verb, argument, said)


def open_reply_bytes(replies: bytes) -> int:
    """Bytes of a multi-line reply at the end of `replies` whose last line is missing; 0: there is none."""
    at = 0
    opened: bytes | None = None
    start = 0
    for line in replies.splitlines(keepends=True):
        if opened is None and _MULTILINE.match(line):
            opened, start = line[:3] + b" ", at
        elif opened is not None and line.startswith(opened):
            opened = None
        at += len(line)
    return at - start if opened is not None else 0


def _transfer_replies(session: Session, rest: Session, verb: bytes, argument: bytes
              ) -> Iterator[tuple[bytes, Session]]:
    transfer = session.transfer
    if transfer is None or transfer.size < 0 or (transfer.listing is None) != (verb == b"RETR"):
        raise UnpredictableReplyError("the client has had replies that are not known")
    begun = replace(transfer, started=True)
    if not transfer.started:
        yield opening_of(transfer, argument), replace(session, transfer=begun)
    yield (
        completion_reply(verb),
        apply_reply(replace(rest, transfer=begun), verb, argument, TRANSFER_COMPLETE),
    )


def completion_reply(verb: bytes) -> bytes:
    """The reply when the transfer of RETR, LIST or NLST is complete."""
    return TRANSFER_COMPLETE if verb == b"RETR" else LISTING_COMPLETE


def _passive_reply_of_length(verb: bytes, count: int, server: str) -> bytes:
    """A reply to PASV or EPSV whose port is made up: only its length is known."""
    names = [extended_passive_reply(30000)] if verb == b"EPSV" else [
        passive_reply(first * 256 + last, server) for first in (90, 117) for last in (1, 10, 100)]
    for said in names:
        if len(said) == count or (len(names) == 1 and count > len(said)):
            return said
    raise UnpredictableReplyError("the client has had replies that are not known")
