#!/usr/bin/env python3
"""The lab's serial cables: bytes that come in at one end go out at the other, at the speed of the line.

    serial_cables.py FOLDER LINK:SPEED:SERVER1:SERVER2 ...

Each end is a Unix socket FOLDER/LINK.SERVER, where a server's port (socat there) connects. The cable
outlives both: a server without power is an end that is silent, as on a real line, and what is sent to
it is lost. While FOLDER/LINK.cut exists the cable is pulled.
"""

import contextlib
import os
import socket
import sys
import threading
import time

BITS_PER_BYTE = 10
CHUNK = 1024


class End:
    """One plug: at most one port is connected to it."""

    def __init__(self, path: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(path)
        self._listener.listen(1)
        self._port: socket.socket | None = None

    def put(self, data: bytes) -> None:
        """Hands bytes to the end; those that nobody takes are lost: there is no flow control."""
        port = self._port
        if port is not None:
            with contextlib.suppress(OSError):
                port.send(data, socket.MSG_DONTWAIT)

    def carry(self, other: "End", cut: str, speed: int) -> None:
        """Take what comes in here to the other end, for ever."""
        while True:
            port, _ = self._listener.accept()
            self._port = port
            with contextlib.suppress(OSError):
                while data := port.recv(CHUNK):
                    time.sleep(len(data) * BITS_PER_BYTE / speed)
                    if not os.path.exists(cut):
                        other.put(data)
            self._port = None
            port.close()


def main() -> None:
    folder, *cables = sys.argv[1:]
    for cable in cables:
        link, speed, *servers = cable.split(":")
        one, two = (End(f"{folder}/{link}.{server}") for server in servers)
        cut = f"{folder}/{link}.cut"
        for here, there in ((one, two), (two, one)):
            threading.Thread(target=here.carry, args=(there, cut, int(speed)), daemon=True).start()
    print("ready", flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main()
