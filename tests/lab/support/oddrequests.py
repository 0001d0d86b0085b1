"""Runs on a client: asks for files in unusual ways, each on a connection of its own, and stops in the middle
of the first answer until /go is there. Prints how each went: `alike`, or what was wrong.

    python3 -c '...' ADDRESS FOLDER
"""

import json
import os
import re
import socket
import sys
import threading
import time

ADDRESS, FOLDER = sys.argv[1:3]
BIG = f"{FOLDER}/big.bin"
NEXT = f"{FOLDER}/many/01.bin"
H2C = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n"
BUFFER_BYTES = 65536
LISTING_BUFFER_BYTES = 4096
"""Less than a listing: it is not all in the client's kernel when the move comes."""


def get(path, more="", version="1.1", method="GET"):
    return f"{method} {path} HTTP/{version}\r\nHost: {ADDRESS}\r\n{more}\r\n".encode()


POST = get(NEXT, "Content-Length: 5\r\n", method="POST") + b"hello"
# What is said first, what is said later on the same connection, and how many answers that makes.
CASES = {
    "upgrade": (get(BIG, H2C), get(NEXT, H2C), 2),
    "bare-lf": (get(BIG).replace(b"\r\n", b"\n"), get(NEXT).replace(b"\r\n", b"\n"), 2),
    "empty-lines": (b"\r\n\n" + get(BIG), b"\r\n" + get(NEXT), 2),
    "odd-fields": (get(BIG, "NoColon\r\nX_y: 1\r\n"), get(NEXT), 2),
    "absolute": (get(f"http://{ADDRESS}{BIG}?x=1"), get(FOLDER + "/./many//../many/%30%31.bin"), 2),
    "two-ranges": (get(BIG, "Range: bytes=0-9999999,12000000-23000000\r\n"), get(NEXT), 2),
    "many-ranges": (get(BIG, "Range: bytes=0-0,5-9999999,-7000000\r\n"), get(NEXT), 2),
    "if-range": (get(BIG, 'Range: bytes=9-\r\nIf-Range: "other"\r\n'), get(NEXT, "If-None-Match: *\r\n"), 2),
    "expect": (get(BIG, "Expect: 100-continue\r\n"), get(FOLDER + "/none") + get(NEXT, method="HEAD"), 3),
    "listing": (get(FOLDER + "/small/"), get(NEXT), 2),
    "listing-1.0": (get(FOLDER + "/small/", version="1.0"), b"", 1),
    "http-1.0": (get(BIG, version="1.0"), b"", 1),
    "behind": (get(BIG) + get(FOLDER + "/none") + POST, get(NEXT), 4),
    "nonsense-behind": (get(BIG) + b"nonsense\r\n\r\n", b"", 2),
}


class Connection:
    def __init__(self, buffer_bytes):
        self.sock = socket.socket()
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
        self.sock.settimeout(60)
        self.sock.connect((ADDRESS, 80))
        self.had = bytearray()

    def more(self):
        data = self.sock.recv(65536)
        self.had += data
        return data

    def until(self, mark):
        while mark not in self.had:
            if not self.more():
                raise EOFError("closed in a head")
        return self.take(self.had.index(mark) + len(mark))

    def take(self, count):
        while len(self.had) < count:
            if not self.more():
                raise EOFError(f"closed {count - len(self.had)} bytes too early")
        found = bytes(self.had[:count])
        del self.had[:count]
        return found

    def answer(self, pause):
        head = self.until(b"\r\n\r\n").decode()
        status = int(head.split()[1])
        if status == 100:
            return self.answer(pause)
        pause()
        length = re.search(r"content-length: (\d+)", head, re.I)
        if "no-body" in head or status == 304:
            body = b""
        elif length:
            body = self.take(int(length[1]))
        elif "chunked" in head:
            body = self.until(b"\r\n0\r\n\r\n")
        else:
            while self.more():
                pass
            body = self.take(len(self.had))
        boundary = re.search(r"boundary=(\S+)", head)
        if boundary:
            body = body.replace(boundary[1].encode(), b"BOUNDARY")
        return status, len(body), hash(body)


def exchange(name, pause=lambda: None):
    first, later, count = CASES[name]
    one = Connection(LISTING_BUFFER_BYTES if "listing" in name else BUFFER_BYTES)
    one.sock.sendall(first)
    heads = name == "expect"
    found = [one.answer(pause)]
    one.sock.sendall(later)
    while len(found) < count - heads:
        found.append(one.answer(lambda: None))
    if heads:  # the last one was HEAD: its length is that of what is not sent
        found.append(one.until(b"\r\n\r\n").split()[1].decode())
    one.sock.close()
    return found


state, begun = {}, []


def during(name, before):
    def pause():
        begun.append(name)
        while not os.path.exists("/go"):
            time.sleep(0.1)

    try:
        found = exchange(name, pause)
        state[name] = "alike" if found == before else f"{found} and not {before}"
    except (OSError, EOFError) as exc:
        state[name] = f"{type(exc).__name__}: {exc}"


befores = {name: exchange(name) for name in CASES}
threads = [threading.Thread(target=during, args=(name, before)) for name, before in befores.items()]
for one in threads:
    one.start()
while len(begun) < len(CASES):
    time.sleep(0.1)
open("/under-way", "w").close()
for one in threads:
    one.join()
print(json.dumps(state))
