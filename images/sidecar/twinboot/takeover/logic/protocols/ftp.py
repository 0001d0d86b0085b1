"""The session state of one FTP control connection, from what is seen on the wire (RFC 959, 2428, 3659).

A command takes effect when the server's reply confirms it. Paths are kept as the client wrote them, joined
to the directory but not normalised, so that the kernel resolves them as it did for the server (`link/..` is
not always the directory itself).
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import Enum, Flag

from ..file_facts import FileFacts
from ..tcp.reassembly import LineSplitter, Reassembler
from .ftp_ports import active_port, passive_port

LINE_LIMIT = 4096
PATH_LIMIT = 4096
PENDING_COMMANDS_LIMIT = 32
REPLY_TAIL_BYTES = 512
"""How many bytes of the latest replies are kept, to repeat them to a client that lacks them."""

TRANSFER_COMMANDS = (b"RETR", b"LIST", b"NLST")
"""Commands whose result is sent over a data connection."""


class Channel(Enum):
    """Who opens the next data connection: none negotiated, the client (passive) or the server (active)."""

    NONE = "none"
    PASSIVE = "passive"
    ACTIVE = "active"


class ListingFormat(Flag):
    """Format of a directory listing. OTHER: one that is not supported here."""

    SHORT = 0
    LONG = 1
    DOTS = 2
    OTHER = 4


@dataclass(frozen=True, slots=True)
class Transfer:
    """A file or a listing being sent. path: as the client named it, from the root that the server shows."""

    path: bytes
    offset: int
    started: bool = False
    """The server has sent a reply 1xx."""
    size: int = -1
    modified: int = -1
    """Size and time of the file on the sending server, bytes and seconds since the epoch; -1: not known. Of a
    listing: its size and its CRC-32."""
    closed_by_client: bool = False
    """The client has closed the data connection: it needs no more of it."""
    listing: ListingFormat | None = None
    """Form of the listing; None: a file."""
    content: bytes = b""
    """Content of the file, as in FileFacts."""

    @property
    def facts(self) -> FileFacts:
        return FileFacts(self.size, self.modified, self.content)

    def of(self, facts: FileFacts) -> Transfer:
        """The same, of a file or listing of which that is known."""
        return replace(self, size=facts.size, modified=facts.modified, content=facts.content)


@dataclass(frozen=True, slots=True)
class Session:
    """The state of a session. pending: commands without a final reply, oldest first."""

    logged_in: bool = False
    directory: bytes = b"/"
    binary: bool = False
    restart: int = 0
    channel: Channel = Channel.NONE
    data_port: int = 0
    """The server's port when PASSIVE, the client's when ACTIVE."""
    transfer: Transfer | None = None
    pending: tuple[bytes, ...] = ()
    understood: bool = True
    """False: something was missed or is not supported; nothing of this may be relied upon."""

    @property
    def busy(self) -> bool:
        return bool(self.pending)

    @property
    def transferring(self) -> bool:
        """A transfer has started and its final reply is due. (`transfer` is kept after the final reply.)"""
        return self.transfer is not None and self.transfer.started and self.transfer_due

    @property
    def transfer_due(self) -> bool:
        """The next final reply is that of a transfer, started or not."""
        return bool(self.pending) and split_command(self.pending[0])[0] in TRANSFER_COMMANDS

    @property
    def transfer_requested(self) -> bool:
        """A transfer is among the pending commands: the server may have begun it."""
        return any(split_command(line)[0] in TRANSFER_COMMANDS for line in self.pending)

    @property
    def quits(self) -> bool:
        """The client wants to end the session, and has no reply yet."""
        return any(split_command(line)[0] == b"QUIT" for line in self.pending)


@dataclass(slots=True)
class FtpTracker:
    """Tracks one control connection. client_stream, server_stream: its two directions."""

    client_stream: Reassembler
    server_stream: Reassembler
    session: Session = field(default_factory=Session)
    reply_tail: bytes = b""
    """The last bytes of the server's replies; they end at server_stream.next_seq."""
    is_known_reply: Callable[[bytes], bool] = lambda _line: True
    """Whether the first or last line of a reply is one that a taker would give."""
    _commands: LineSplitter = field(default_factory=lambda: LineSplitter(LINE_LIMIT))
    _replies: LineSplitter = field(default_factory=lambda: LineSplitter(LINE_LIMIT))
    _pending: deque[bytes] = field(default_factory=deque)
    _multiline: bytes = b""

    @classmethod
    def restored(
        cls, client: Reassembler, server: Reassembler, session: Session, reply_tail: bytes,
        is_known_reply: Callable[[bytes], bool],
    ) -> FtpTracker:
        """A tracker that continues from another server's record."""
        return cls(client, server, session, reply_tail, is_known_reply, _pending=deque(session.pending))

    def from_client(self, seq: int, data: bytes, size: int) -> None:
        for line in self._commands.feed(self.client_stream.feed(seq, data, size)):
            self._command(line)
        self._update_session(self.client_stream, self._commands)

    def from_server(self, seq: int, data: bytes, size: int) -> None:
        fresh = self.server_stream.feed(seq, data, size)
        self.reply_tail = (self.reply_tail + fresh)[-REPLY_TAIL_BYTES:]
        for line in self._replies.feed(fresh):
            self._reply(line)
        self._update_session(self.server_stream, self._replies)

    @property
    def has_partial_command(self) -> bool:
        """Part of a command has arrived; its rest is useless to a server that lacks the first part."""
        return bool(self._commands.partial_line)

    def _update_session(self, stream: Reassembler, lines: LineSplitter) -> None:
        known = self.session.understood and not stream.lost and not lines.overrun
        self.session = replace(self.session, pending=tuple(self._pending), understood=known)

    def _command(self, line: bytes) -> None:
        if len(self._pending) >= PENDING_COMMANDS_LIMIT:
            self.session = replace(self.session, understood=False)
            return
        self._pending.append(line)
        verb, argument = split_command(line)
        if verb in TRANSFER_COMMANDS and len(self._pending) == 1:
            self.session = replace(self.session, transfer=requested_transfer(self.session, verb, argument))

    def _reply(self, line: bytes) -> None:
        if self._multiline:
            if not line.startswith(self._multiline):
                return
            self._multiline = b""
        elif re.match(rb"\d{3}-", line):
            self._multiline = line[:3] + b" "
            self._check_words(line)
            return
        self._check_words(line)
        if not re.match(rb"[1-5]\d{2}( |$)", line):
            self.session = replace(self.session, understood=False)
            return
        if not self._pending:
            return  # the greeting, or an unsolicited goodbye
        verb, argument = split_command(self._pending[0])
        if line[:1] == b"1":
            self._transfer_started(verb, argument)
            return
        self._pending.popleft()
        self.session = apply_reply(self.session, verb, argument, line)

    def _check_words(self, line: bytes) -> None:
        """What no taker would say is another server's: nothing of this session may be relied upon."""
        if not self.is_known_reply(line):
            self.session = replace(self.session, understood=False)

    def _transfer_started(self, verb: bytes, argument: bytes) -> None:
        transfer = requested_transfer(self.session, verb, argument) if verb in TRANSFER_COMMANDS else None
        old = self.session.transfer
        if transfer is not None and transfer.listing is not None and old is not None:
            transfer = transfer.of(old.facts)  # known since the command
        self.session = replace(
            self.session, transfer=replace(transfer, started=True) if transfer is not None else None)


def requested_transfer(session: Session, verb: bytes, argument: bytes) -> Transfer | None:
    """The transfer that RETR, LIST or NLST requests; None for an invalid path of RETR."""
    if verb == b"RETR":
        path = join_path(session.directory, argument)
        return Transfer(path, session.restart) if path is not None else None
    options, words = b"", argument
    if argument.startswith(b"-"):
        options, _space, words = argument[1:].partition(b" ")
    form = ListingFormat.LONG if verb == b"LIST" or b"l" in options else ListingFormat.SHORT
    form |= ListingFormat.DOTS if b"a" in options else ListingFormat.SHORT
    path = join_path(session.directory, words or b".")
    if path is None or set(options) - set(b"alR") or (words and ListingFormat.LONG not in form):
        form |= ListingFormat.OTHER
    return Transfer(path or b"/", 0, listing=form)


def join_path(directory: bytes, argument: bytes) -> bytes | None:
    """The path that an argument names; None when it is not supported (empty, too long, NUL).

    `~` is the root for vsftpd's anonymous users, at the beginning and before a slash.
    """
    if not argument or b"\0" in argument:
        return None
    if argument == b"~" or argument.startswith(b"~/"):
        argument = argument[1:] or b"/"
    path = argument if argument.startswith(b"/") else directory.rstrip(b"/") + b"/" + argument
    return path if len(path) <= PATH_LIMIT else None


def split_command(line: bytes) -> tuple[bytes, bytes]:
    """Verb in capitals, and its argument with inner spaces kept. Telnet interrupts are removed."""
    line = line.lstrip(b"\xff\xf4\xf2")
    verb, _space, argument = line.partition(b" ")
    return verb.strip().upper(), argument


def apply_reply(session: Session, verb: bytes, argument: bytes, reply: bytes) -> Session:
    """The session after the final reply to a command."""
    good = reply[:1] in (b"2", b"3")
    if verb in (b"RETR", b"LIST", b"NLST", b"MLSD", b"STOR", b"ABOR"):
        # "226" means that the server has sent the file, not that the client has it: the data connection may
        # still be delivering, and a takeover needs to know the file.
        kept = session.transfer if verb in TRANSFER_COMMANDS and good else None
        return replace(session, transfer=kept, restart=0, channel=Channel.NONE, data_port=0)
    if not good:
        return session
    match verb:
        case b"USER" | b"PASS":
            return replace(session, logged_in=session.logged_in or reply[:1] == b"2")
        case b"CWD" | b"XCWD" | b"CDUP" | b"XCUP":
            path = join_path(session.directory, b".." if verb in (b"CDUP", b"XCUP") else argument)
            return replace(
                session, directory=path or b"/", understood=session.understood and path is not None
            )
        case b"TYPE":
            return replace(session, binary=argument.strip().upper() in (b"I", b"L 8", b"L8"))
        case b"REST":
            offset = argument.strip()
            fine = offset.isdigit() and len(offset) < 19
            return replace(
                session, restart=int(offset) if fine else 0, understood=session.understood and fine
            )
        case b"PASV" | b"EPSV":
            port = passive_port(reply)
            if port is None:
                return session
            return replace(session, channel=Channel.PASSIVE, data_port=port, transfer=None)
        case b"PORT" | b"EPRT":
            port = active_port(argument)
            if port is None:
                return replace(session, understood=False)
            return replace(session, channel=Channel.ACTIVE, data_port=port, transfer=None)
        case b"REIN" | b"AUTH" | b"PROT" | b"MODE" | b"STRU":
            usual = verb in (b"MODE", b"STRU") and argument.strip().upper() in (b"S", b"F")
            return replace(session, understood=session.understood and usual)
        case _:
            return session
