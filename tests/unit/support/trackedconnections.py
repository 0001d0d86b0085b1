"""Conversations of clients, and a tracker that has seen them up to some point."""

from __future__ import annotations

from segments import VIP, Conversation
from twinboot.takeover.logic.file_facts import FileFacts
from twinboot.takeover.logic.protocols.vsftpd_replies import PORT_ACCEPTED, passive_reply
from twinboot.takeover.logic.record import ConnectionKey, ConnectionRecord
from twinboot.takeover.logic.record_codec import decode, encode
from twinboot.takeover.logic.tracker import ConnectionTracker

FACTS = {b"/trees/rh9/big.bin": FileFacts(62914560, 1795377600)}
GET = b"GET /trees/rh9/big.bin HTTP/1.1\r\nHost: x\r\n\r\n"
OK = (b"HTTP/1.1 200 OK\r\nContent-Length: 62914560\r\n"
      b"Last-Modified: Sun, 22 Nov 2026 20:00:00 GMT\r\n\r\n")


def tracker(limit: int = 100) -> ConnectionTracker:
    one = ConnectionTracker(FACTS.get, limit)
    one.addresses = {VIP}
    return one


def key(talk: Conversation) -> ConnectionKey:
    return ConnectionKey(talk.client, talk.port, VIP, talk.server_port)


def record(one: ConnectionTracker, talk: Conversation) -> ConnectionRecord:
    found = one.record(key(talk))
    assert found is not None
    assert decode(encode(found)) == found
    return found


def http(one: ConnectionTracker, cuts: tuple[int, ...] = ()) -> Conversation:
    """A client in the middle of a file."""
    talk = Conversation(40000, 80)
    for segment in (*talk.handshake(), *talk.ask(GET, cuts), *talk.answer(OK, unseen=1 << 20)):
        one.segment(segment)
    return talk


def login(one: ConnectionTracker, talk: Conversation, *, passive: int | None = 30001) -> None:
    """A session up to its RETR; passive: the port that the server opens, None: the client's 50000."""
    lines: list[tuple[str, bytes]] = [
        ("<", b"220 hello"), (">", b"USER anonymous"), ("<", b"230 Login successful.")]
    if passive is None:
        lines += [(">", b"PORT 192,168,0,128,195,80"), ("<", PORT_ACCEPTED.rstrip())]
    else:
        lines += [(">", b"PASV"), ("<", passive_reply(passive, str(VIP)).rstrip())]
    lines += [(">", b"TYPE I"), ("<", b"200 Switching to Binary mode."), (">", b"RETR trees/rh9/big.bin")]
    for segment in talk.handshake():
        one.segment(segment)
    for who, line in lines:
        said = talk.ask(line + b"\r\n") if who == ">" else talk.answer(line + b"\r\n")
        for segment in said:
            one.segment(segment)


def say(one: ConnectionTracker, talk: Conversation, line: bytes) -> None:
    for segment in talk.answer(line + b"\r\n"):
        one.segment(segment)
