"""What vsftpd says is known; what other FTP servers say is not."""

from __future__ import annotations

import pytest
from segments import PublishedTree
from twinboot import daemons
from twinboot.takeover.logic.protocols import vsftpd_replies
from twinboot.takeover.logic.protocols.ftp import Session
from twinboot.takeover.logic.protocols.vsftpd_texts import DIALECT, are_known_replies, is_known_reply

TREE = PublishedTree({b"/trees/big.bin": (1048576, 0)}, {b"/", b"/trees"})
COMMANDS = (
    b"USER ftp", b"USER root", b"PASS x", b"PWD", b"SYST", b"FEAT", b"TYPE I", b"TYPE A", b"TYPE X", b"NOOP",
    b"CWD trees", b"CWD none", b"CDUP", b"REST 5", b"SIZE trees/big.bin", b"SIZE x", b"MDTM trees/big.bin",
    b"MDTM x", b"MODE S", b"MODE B", b"STRU F", b"STRU R", b"OPTS UTF8 ON", b"OPTS x", b"STOR x", b"ABOR",
    b"ALLO", b"WHAT", b"QUIT",
)


@pytest.mark.parametrize("session", [Session(), Session(logged_in=True)])
@pytest.mark.parametrize("command", COMMANDS)
def test_what_a_taker_says_is_known(session: Session, command: bytes) -> None:
    said = vsftpd_replies.reply_to(session, command, TREE)
    assert said is not None
    first, *_more, last = [said.split(b"\r\n")[0], *said.split(b"\r\n")[:-1]]
    assert is_known_reply(first)
    assert is_known_reply(last)
    assert are_known_replies(said)


@pytest.mark.parametrize("said", [
    vsftpd_replies.GREETING, vsftpd_replies.PORT_ACCEPTED, vsftpd_replies.EPRT_ACCEPTED,
    vsftpd_replies.TRANSFER_COMPLETE, vsftpd_replies.LISTING_COMPLETE, vsftpd_replies.LISTING_FOLLOWS,
    vsftpd_replies.opening_reply(b"a (b) c", 5), vsftpd_replies.passive_reply(30001, "10.0.0.1"),
    vsftpd_replies.extended_passive_reply(30001),
])
def test_replies_about_data_are_known(said: bytes) -> None:
    assert is_known_reply(said.removesuffix(b"\r\n"))


@pytest.mark.parametrize("line", [
    b"331 Username ok, send password.", b"200 Type set to: Binary.", b"257 \"/\" is the current directory!",
    b"227 Entering passive mode (127,0,0,1,117,49).", b"150 Data connection already open. Transfer starting.",
    b"226-File successfully transferred", b"226 0.000 seconds (measured here), 1.00 Mbytes per second",
    b"230 Anonymous access granted, restrictions apply", b"150 Opening BINARY mode data connection for x",
    b"nonsense", b"", b"226Transfer complete.",
])
def test_what_pyftpdlib_pure_ftpd_and_proftpd_say_is_not(line: bytes) -> None:
    assert not is_known_reply(line)
    assert are_known_replies(b"226 Transfer complete.\r\n" + line + b"\r\n226 Transfer complete.\r\n") is (
        line in (b"nonsense", b"", b"226Transfer complete.")), "what is no reply may be the inside of one"


def test_a_tail_that_is_cut_off_at_both_ends() -> None:
    assert are_known_replies(b"ng.\r\n226 Directory send OK.\r\n150 Here com")
    assert not are_known_replies(b"226 Done.\r\n")


def test_the_dialect_is_the_daemons() -> None:
    assert daemons.VSFTPD.dialect == DIALECT
