"""vsftpd's replies, and what follows from how many of them a client has received."""

from __future__ import annotations

import pytest
from segments import PublishedTree
from twinboot.takeover.logic.protocols.ftp import Channel, Session, Transfer
from twinboot.takeover.logic.protocols.vsftpd_replies import (
    TRANSFER_COMPLETE,
    UnpredictableReplyError,
    advance_session,
    extended_passive_reply,
    open_reply_bytes,
    opening_reply,
    passive_reply,
    reply_to,
)

TREE = PublishedTree({b"/trees/big.bin": (1048576, 0), b"/x": (1, 0)}, {b"/", b"/trees"})
SERVER = "192.168.0.254"
IN = Session(logged_in=True, binary=True)


@pytest.mark.parametrize(("line", "reply"), [
    (b"PWD", b'257 "/" is the current directory\r\n'),
    (b"SIZE /trees/big.bin", b"213 1048576\r\n"),
    (b"SIZE none", b"550 Could not get file size.\r\n"),
    (b"MDTM x", b"213 19700101000000\r\n"),
    (b"cwd trees", b"250 Directory successfully changed.\r\n"),
    (b"CWD x", b"550 Failed to change directory.\r\n"),
    (b"REST 1000", b"350 Restart position accepted (1000).\r\n"),
    (b"TYPE i", b"200 Switching to Binary mode.\r\n"),
    (b"STOR x", b"550 Permission denied.\r\n"),
    (b"WHAT", b"500 Unknown command.\r\n"),
    (b"RETR x", None),
    (b"EPSV", None),
])
def test_replies(line: bytes, reply: bytes | None) -> None:
    assert reply_to(IN, line, TREE) == reply


@pytest.mark.parametrize(("line", "reply"), [
    (b"USER anonymous", b"230 Login successful.\r\n"),
    (b"USER root", b"530 This FTP server is anonymous only.\r\n"),
    (b"RETR x", b"530 Please login with USER and PASS.\r\n"),
    (b"CWD trees", b"530 Please login with USER and PASS.\r\n"),
    (b"QUIT", b"221 Goodbye.\r\n"),
])
def test_before_the_login(line: bytes, reply: bytes) -> None:
    assert reply_to(Session(), line, TREE) == reply


def test_a_client_that_has_heard_several_replies() -> None:
    before = Session(pending=(b"USER ftp", b"CWD trees", b"TYPE I", b"REST 5", b"PWD"))
    count = sum(map(len, (b"230 Login successful.\r\n", b"250 Directory successfully changed.\r\n",
                          b"200 Switching to Binary mode.\r\n", b"350 Restart position accepted (5).\r\n")))
    after, rest = advance_session(before, count, TREE, SERVER)
    assert rest == b""
    assert after == Session(logged_in=True, directory=b"/trees", binary=True, restart=5, pending=(b"PWD",))
    with pytest.raises(UnpredictableReplyError):
        advance_session(before, count + 4, TREE, SERVER)


@pytest.mark.parametrize("port", [30000, 30007, 30999])
def test_a_passive_port_that_only_its_client_knows(port: int) -> None:
    for verb, said in ((b"PASV", passive_reply(port, SERVER)), (b"EPSV", extended_passive_reply(port))):
        before = Session(logged_in=True, pending=(verb,), transfer=Transfer(b"/x", 0))
        after, rest = advance_session(before, len(said), TREE, SERVER)
        assert (after.channel, after.data_port, after.transfer, after.pending, rest) == (
            Channel.PASSIVE, 0, None, (), b"")
        with pytest.raises(UnpredictableReplyError):
            advance_session(before, len(said) - 12, TREE, SERVER)


def test_both_replies_to_a_fetched_file() -> None:
    before = Session(logged_in=True, binary=True, channel=Channel.PASSIVE, data_port=30001,
                     transfer=Transfer(b"/trees/big.bin", 0, size=1048576, modified=0),
                     pending=(b"RETR trees/big.bin", b"QUIT"))
    first = opening_reply(b"trees/big.bin", 1048576)
    after, rest = advance_session(before, len(first), TREE, SERVER)
    assert (after.transferring, after.data_port, rest) == (True, 30001, b"")
    after, rest = advance_session(before, len(first) + len(TRANSFER_COMPLETE), TREE, SERVER)
    assert (after.transferring, after.data_port, after.pending, rest) == (False, 0, (b"QUIT",), b"")
    assert after.transfer is not None, "its data connection may still lack something"


@pytest.mark.parametrize(
    "session",
    [
        Session(logged_in=True),
        Session(logged_in=True, pending=(b"LIST",)),
        Session(logged_in=True, pending=(b"RETR x",)),
        Session(logged_in=True, understood=False, pending=(b"PWD",)),
    ],
)
def test_what_does_not_follow(session: Session) -> None:
    with pytest.raises(UnpredictableReplyError):
        advance_session(session, 10, TREE, SERVER)


@pytest.mark.parametrize(("said", "size"), [
    (b"", 0), (b"230 in\r\n", 0), (b"230 in\r\n211-Features:\r\n EPRT\r\n", 22),
    (b"211-Features:\r\n EPRT\r\n211 End\r\n", 0), (b"220-a\r\n220 b\r\n211-F\r\n", 7),
])
def test_a_reply_of_several_lines_that_is_not_over(said: bytes, size: int) -> None:
    assert open_reply_bytes(said) == size


def test_what_was_seen_of_a_reply_is_compared_and_not_only_counted() -> None:
    session = Session(logged_in=True, pending=(b"FEAT", b"PWD"))
    features = reply_to(session, b"FEAT", TREE)
    assert features is not None
    lines = features.splitlines(keepends=True)
    heard = len(lines[0] + lines[1])
    after, rest = advance_session(session, heard, TREE, SERVER, lines[0])
    assert (after.pending, rest) == ((b"PWD",), b"".join(lines[2:]))
    for other in (b"211-Extensions\r\n", b"211-features:\r\n"):
        with pytest.raises(UnpredictableReplyError):
            advance_session(session, heard, TREE, SERVER, other)
    for inside in (1, heard - 1, heard + 1):
        with pytest.raises(UnpredictableReplyError):
            advance_session(session, inside, TREE, SERVER, b"")


@pytest.mark.parametrize(("line", "reply"), [(b"EPSV ALL", b"200 EPSV ALL ok.\r\n"),
                                             (b"EPSV 2", b"522 Bad network protocol.\r\n")])
def test_epsv_that_opens_no_port(line: bytes, reply: bytes) -> None:
    before = Session(logged_in=True, pending=(line, b"NOOP"))
    after, rest = advance_session(before, len(reply), TREE, SERVER)
    assert (after.pending, after.channel, rest) == ((b"NOOP",), Channel.NONE, b"")
