"""Records of a client's connections by HTTP and FTP, for what a taker does with them."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

from segments import PublishedTree
from twinboot.takeover.logic.file_facts import FileFacts
from twinboot.takeover.logic.plan import ClientPosition, Rebuild, Reset, TakeoverPlan
from twinboot.takeover.logic.protocols.ftp import Session, Transfer
from twinboot.takeover.logic.protocols.http_heads import Response
from twinboot.takeover.logic.protocols.vsftpd_texts import DIALECT
from twinboot.takeover.logic.record import ConnectionKey, ConnectionKind, ConnectionRecord, SynOptions
from twinboot.takeover.logic.tcp import seq

SIZE, TIME = 6 << 30, 1795377600
TREE = PublishedTree({b"/trees/big.bin": (SIZE, TIME), b"/trees/a b": (10, TIME)}, {b"/trees"})
HEAD = b"HTTP/1.1 200 OK\r\nLast-Modified: Sun, 22 Nov 2026 20:00:00 GMT\r\n\r\n"
START = 0xFFFFF000
KEY = ConnectionKey(IPv4Address("192.168.0.128"), 40000, IPv4Address("192.168.0.253"), 80)
CONTROL = replace(KEY, server_port=21)
RESPONSE = Response(start=0, head=HEAD, target=b"/trees/big.bin", offset=0, length=SIZE, size=SIZE,
                    status=200, is_file_range=True)
OFFER = SynOptions(1460, 7, sack=True, timestamps=True)
HTTP = ConnectionRecord(
    KEY, ConnectionKind.HTTP, 1000, START, 1500, OFFER, OFFER, responses=(RESPONSE,)
)
DATA = ConnectionRecord(
    replace(KEY, server_port=30001),
    ConnectionKind.FTP_DATA,
    1000,
    START,
    1000,
    OFFER,
    OFFER,
    control_key=CONTROL,
)
SESSION = Session(logged_in=True, binary=True, transfer=Transfer(b"/trees/big.bin", 100, True, SIZE, TIME),
                  pending=(b"RETR big.bin",))
FTP = ConnectionRecord(
    CONTROL,
    ConnectionKind.FTP_CONTROL,
    1000,
    START,
    1500,
    OFFER,
    OFFER,
    dialect=DIALECT,
    session=SESSION,
    reply_tail=b"150 ok\r\n",
    reply_tail_end=seq.at(START, 500),
)
GET = b"GET /trees/big.bin HTTP/1.1\r\n\r\n"
UNTOLD = replace(HTTP, responses=(), unanswered=GET, requested_files=(FileFacts(SIZE, TIME),))
"""The server died before it could tell that it had begun to answer."""
ASKED = replace(SESSION, transfer=Transfer(b"/trees/big.bin", 0, False, SIZE, TIME))
BEGUN = replace(FTP, session=ASKED, reply_tail=b"227 ok\r\n")
OPENING = b"150 Opening BINARY mode data connection for big.bin (%d bytes).\r\n" % SIZE


def at(position: int, up: int = 1500, **more: object) -> ClientPosition:
    """A client that has so many bytes."""
    return replace(ClientPosition(up, seq.at(START, position), 1000), **more)  # type: ignore[arg-type]


def rebuilt(found: TakeoverPlan) -> Rebuild:
    assert isinstance(found, Rebuild), found
    return found


def reset(found: TakeoverPlan) -> str:
    assert isinstance(found, Reset), found
    return found.reason
