"""Runs in a client of the lab: speaks HTTP and FTP wrongly, to one address, on very many connections.

Usage: hostileclient.py ADDRESS. /ready is there when all of them stand; it goes on until it is ended.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import time

GET = b"GET /trees/rh9/big.bin HTTP/1.1\r\nHost: x\r\n"
LOGIN = b"USER anonymous\r\nPASS x\r\n"
kept: list[socket.socket] = []


def say(vip: str, port: int, words: bytes, *, room: int = 0) -> None:
    """A connection on which this is said, and nothing ever read. room: a receive buffer, soon full."""
    with contextlib.suppress(OSError):
        sock = socket.socket()
        sock.settimeout(3)
        if room:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
        sock.connect((vip, port))
        kept.append(sock)
        sock.sendall(words)


def main(vip: str) -> None:
    for _ in range(300):
        say(vip, 80, GET + b"X: " + b"y" * 3000)  # a request that never ends
    for _ in range(100):
        say(vip, 80, GET + b"\r\n", room=2048)  # a window that is closed for ever
    for _ in range(100):
        say(vip, 80, b"GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n" * 20)
        say(vip, 80, os.urandom(500) + b"\r\n\r\n" + GET)
    for _ in range(40):
        say(vip, 21, LOGIN + os.urandom(300) + b"\r\nRETR ../../../etc/passwd\r\nPASV\r\n")
        say(vip, 21, LOGIN + b"RETR " + b"../" * 900 + b"etc/passwd")
    with open("/ready", "w"):
        pass
    while True:  # and one that comes and goes
        say(vip, 80, GET + b"Range: bytes=5-\r\n\r\n" + GET)
        kept.pop().close()
        time.sleep(0.005)


if __name__ == "__main__":
    main(sys.argv[1])
