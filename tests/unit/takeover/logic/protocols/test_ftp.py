"""FTP control connections: where the session stands after each exchange."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from segments import cut
from twinboot.takeover.logic.protocols.ftp import (
    REPLY_TAIL_BYTES,
    Channel,
    FtpTracker,
    ListingFormat,
    Session,
    Transfer,
    join_path,
)
from twinboot.takeover.logic.protocols.ftp_ports import active_port, passive_port
from twinboot.takeover.logic.tcp.reassembly import Reassembler

LOGIN = [
    ("<", "220 Twinboot rack1"), (">", "USER anonymous"), ("<", "230 Login successful."),
]
# What curl says before it fetches a file, its directory first.
CURL = [
    *LOGIN, (">", "PWD"), ("<", '257 "/" is the current directory'), (">", "CWD trees"),
    ("<", "250 Directory successfully changed."), (">", "CWD rh9"),
    ("<", "250 Directory successfully changed."),
    (">", "EPSV"), ("<", "229 Entering Extended Passive Mode (|||30123|)"), (">", "TYPE I"),
    ("<", "200 Switching to Binary mode."), (">", "SIZE big.bin"), ("<", "213 62914560"),
    (">", "REST 1000"), ("<", "350 Restart position accepted (1000)."), (">", "RETR big.bin"),
    ("<", "150 Opening BINARY mode data connection for big.bin (62914560 bytes)."),
]


class Wire:
    """Feeds a tracker what both sides say, cut anywhere."""

    def __init__(self, cuts: tuple[int, ...] = ()) -> None:
        self.tracker = FtpTracker(Reassembler(0), Reassembler(5000))
        self.cuts, self.up, self.down = cuts, 0, 5000

    def say(self, exchange: list[tuple[str, str]]) -> Session:
        for direction, line in exchange:
            for part in cut(line.encode() + b"\r\n", self.cuts):
                if direction == ">":
                    self.tracker.from_client(self.up, part, len(part))
                    self.up += len(part)
                else:
                    self.tracker.from_server(self.down, part, len(part))
                    self.down += len(part)
        return self.tracker.session


@given(st.lists(st.integers(1, 60), max_size=6).map(tuple))
def test_a_resumed_download_however_it_is_cut(cuts: tuple[int, ...]) -> None:
    wire = Wire(cuts)
    session = wire.say(CURL)
    sent = Transfer(b"/trees/rh9/big.bin", 1000, started=True)
    assert session.transfer == sent
    assert (session.logged_in, session.binary, session.understood, session.busy) == (True, True, True, True)
    assert (session.channel, session.data_port) == (Channel.PASSIVE, 30123)
    session = wire.say([("<", "226 Transfer complete.")])
    assert (session.transfer, session.restart, session.busy) == (sent, 0, False), "it may still be on its way"
    assert wire.say([(">", "EPSV"), ("<", "229 ok (|||30124|)")]).transfer is None
    assert session.directory == b"/trees/rh9"


def test_the_command_after_a_file_is_not_answered_with_the_end_of_the_file() -> None:
    wire = Wire()
    assert not wire.say(CURL[:-1]).transferring, "not begun"
    assert wire.say(CURL[-1:]).transferring
    assert not wire.say([("<", "226 Transfer complete.")]).transferring
    session = wire.say([(">", "EPSV")])
    assert session.transfer is not None
    assert not session.transferring


def test_a_refused_command_changes_nothing() -> None:
    session = Wire().say([*LOGIN, (">", "CWD nowhere"), ("<", "550 Failed to change directory."),
                          (">", "REST 7"), ("<", "501 Bad."), (">", "TYPE I"), ("<", "500 Unrecognised.")])
    assert session == Session(logged_in=True)


def test_a_command_without_its_reply_is_pending() -> None:
    wire = Wire()
    session = wire.say([*LOGIN, (">", "TYPE I"), (">", "RETR a")])
    assert session.pending == (b"TYPE I", b"RETR a")
    assert wire.say([("<", "200 ok"), ("<", "150 coming")]).transfer == Transfer(b"/a", 0, started=True)


def test_replies_of_many_lines_count_once() -> None:
    session = Wire().say([("<", "220-Hello"), ("<", "220 there"), (">", "FEAT"), ("<", "211-Features:"),
                          ("<", " SIZE"), ("<", "226 not the end"), ("<", "211 End"), (">", "CWD a"),
                          ("<", "250-dir"), ("<", "250 ok")])
    assert (session.directory, session.busy, session.understood) == (b"/a", False, True)


def test_directories_are_joined_and_not_simplified() -> None:
    session = Wire().say([*LOGIN, (">", "CWD trees/link"), ("<", "250 ok"), (">", "CDUP"), ("<", "250 ok"),
                          (">", "RETR two words"), ("<", "150 ok")])
    assert session.transfer == Transfer(b"/trees/link/../two words", 0, started=True)


@pytest.mark.parametrize(
    ("line", "path", "form"),
    [
        ("LIST", b"/pub/.", ListingFormat.LONG),
        ("NLST", b"/pub/.", ListingFormat.SHORT),
        ("NLST -l", b"/pub/.", ListingFormat.LONG),
        ("LIST -la sub dir", b"/pub/sub dir", ListingFormat.LONG | ListingFormat.DOTS),
        ("LIST /", b"/", ListingFormat.LONG),
        ("NLST sub", b"/pub/sub", ListingFormat.OTHER),
        ("LIST -t", b"/pub/.", ListingFormat.LONG | ListingFormat.OTHER),
        ("LIST ~", b"/", ListingFormat.LONG),
    ],
)
def test_a_listing_is_no_file(line: str, path: bytes, form: ListingFormat) -> None:
    wire = Wire()
    wire.say([*LOGIN, (">", "CWD pub"), ("<", "250 ok"), (">", line)])
    assert wire.tracker.session.transfer == Transfer(path, 0, listing=form)
    session = wire.say([("<", "150 Here comes the directory listing.")])
    assert (session.transfer, session.transferring) == (Transfer(path, 0, True, listing=form), True)
    session = wire.say([("<", "226 Directory send OK.")])
    assert session.transfer is not None, "its data connection may still lack something"
    assert not session.busy


def test_an_active_data_connection() -> None:
    session = Wire().say([*LOGIN, (">", "PORT 192,168,0,128,200,10"), ("<", "200 PORT command successful.")])
    assert (session.channel, session.data_port) == (Channel.ACTIVE, 200 * 256 + 10)


@pytest.mark.parametrize(("exchange", "why"), [
    ([(">", "AUTH TLS"), ("<", "234 go")], "what follows cannot be read"),
    ([("<", "nonsense")], "no reply at all"),
    ([(">", "REST x"), ("<", "350 ok")], "a position that is no number"),
    ([(">", "NOOP")] * 33, "too many at once"),
    ([(">", "x" * 5000)], "too long a line"),
])
def test_what_cannot_be_followed_is_not_known(exchange: list[tuple[str, str]], why: str) -> None:
    wire = Wire()
    assert wire.say(LOGIN).understood
    assert not wire.say(exchange).understood, why
    assert not wire.say([("<", "200 fine again")]).understood, "it does not come back"


def test_the_last_replies_are_kept() -> None:
    wire = Wire()
    wire.say([*LOGIN, (">", "RETR a"), ("<", "150 ok"), ("<", "226 Transfer complete.")])
    assert wire.tracker.reply_tail.endswith(b"150 ok\r\n226 Transfer complete.\r\n")
    wire.say([(">", "NOOP"), ("<", "200 " + "x" * 400)] * 10)
    assert len(wire.tracker.reply_tail) == REPLY_TAIL_BYTES


@given(st.lists(st.tuples(st.booleans(), st.binary(max_size=60)), max_size=30))
def test_no_bytes_make_it_fail_or_grow(talk: list[tuple[bool, bytes]]) -> None:
    wire = Wire()
    for up, data in talk:
        if up:
            wire.tracker.from_client(wire.up, data, len(data))
            wire.up += len(data)
        else:
            wire.tracker.from_server(wire.down, data, len(data))
            wire.down += len(data)
    assert len(wire.tracker.reply_tail) <= 1024
    assert len(wire.tracker.session.pending) <= 32


@pytest.mark.parametrize(("reply", "port"), [
    (b"227 Entering Passive Mode (192,168,0,253,117,48).", 30000),
    (b"227 =192,168,0,253,0,21", 21),
    (b"229 Entering Extended Passive Mode (|||30999|)", 30999),
    (b"229 nothing", None), (b"227 (1,2,3,4,300,300)", None), (b"229 (|||0|)", None), (b"200 ok", None),
])
def test_passive_ports(reply: bytes, port: int | None) -> None:
    assert passive_port(reply) == port


@pytest.mark.parametrize(("argument", "port"), [
    (b"192,168,0,128,4,1", 1025), (b"|1|192.168.0.128|1025|", 1025), (b"|2|::1|1025|", None), (b"", None),
])
def test_active_ports(argument: bytes, port: int | None) -> None:
    assert active_port(argument) == port


@pytest.mark.parametrize(("directory", "argument", "path"), [
    (b"/", b"a", b"/a"), (b"/a", b"b/c", b"/a/b/c"), (b"/a", b"/c", b"/c"), (b"/a", b"", None),
    (b"/a", b"~", b"/"), (b"/a", b"~/b", b"/b"), (b"/a", b"~b", b"/a/~b"),
    (b"/", b"a\0b", None), (b"/", b"x" * 4096, None),
])
def test_paths(directory: bytes, argument: bytes, path: bytes | None) -> None:
    assert join_path(directory, argument) == path
