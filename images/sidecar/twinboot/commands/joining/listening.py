"""The listener of an invitation: TLS 1.3, one secret, a few connections at once.

One connection: the guest sees by the certificate's fingerprint whom it talks to, then says

    {"secret": HEX, "time": seconds since 1970, "release": VERSION}

and hears {"ok": false, "error": "..."}, or {"ok": true, "bytes": N, "sha256": HEX} and the N bytes. When it
has them on its disk it says "kept", and is answered "closed": the invitation is used up. Until then only the
address that first knew the secret may come again.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import selectors
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address

REQUEST_BYTES = 4096
CLOCK_S = 60.0
"""Servers whose clocks differ by more would have an alarm from their first minute on."""
_LIMIT_S = 15.0
_GUESTS = 8
_LOOK_S = 0.5


class Listener:
    """answer: what is given. say: called with each line for the operator, in any thread. wall: time of
    day."""

    def __init__(
        self, *, context: ssl.SSLContext, secret: bytes, answer: bytes, say: Callable[[str], None],
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._context, self._secret, self._answer = context, secret, answer
        self._say, self._wall = say, wall
        self._sockets: list[socket.socket] = []
        self._room = threading.Semaphore(_GUESTS)
        self._lock = threading.Lock()
        self._guest = ""
        self.used = threading.Event()

    def open(self, addresses: Sequence[IPv4Address], port: int) -> int:
        """Listen at each address; the port that it is (0: any). OSError names the address."""
        for address in addresses:
            made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            self._sockets.append(made)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                made.bind((str(address), port))
                made.listen(_GUESTS)
            except OSError as exc:
                self.close()
                raise OSError(exc.errno, f"{address}:{port}/tcp: {exc.strerror}") from exc
            port = made.getsockname()[1]
        return port

    def serve(self, for_s: float, now: Callable[[], float] = time.monotonic) -> bool:
        """Serves until the invitation is used, or its time is over; whether it was used."""
        end = now() + for_s
        with selectors.DefaultSelector() as looked_at:
            for one in self._sockets:
                looked_at.register(one, selectors.EVENT_READ)
            while not self.used.is_set() and now() < end:
                for key, _ in looked_at.select(min(_LOOK_S, max(0.0, end - now()))):
                    self._accept(key.fileobj)  # type: ignore[arg-type]
        self.close()
        return self.used.is_set()

    def close(self) -> None:
        for one in self._sockets:
            one.close()
        self._sockets.clear()

    def _accept(self, listening: socket.socket) -> None:
        try:
            connection, (address, _) = listening.accept()
        except OSError:
            return
        if not self._room.acquire(blocking=False):
            connection.close()
            return
        threading.Thread(target=self._meet, args=(connection, address), daemon=True).start()

    def _meet(self, connection: socket.socket, address: str) -> None:
        """What an unknown host sends ends its own connection, and no other."""
        try:
            connection.settimeout(_LIMIT_S)
            with contextlib.suppress(OSError, ValueError), \
                    self._context.wrap_socket(connection, server_side=True) as tls, \
                    tls.makefile("rb") as said:
                self._talk(tls, said.readline(REQUEST_BYTES), address)
                if said.readline(16) == b"kept\n":
                    self.used.set()
                    tls.sendall(b"closed\n")
        finally:
            connection.close()
            self._room.release()

    def _talk(self, tls: ssl.SSLSocket, line: bytes, address: str) -> None:
        """Raises ValueError after a refusal."""
        request = json.loads(line)
        if not isinstance(request, dict):
            raise ValueError("no request")
        refusal = self._refusal(request, address)
        if refusal:
            self._say(f"{address} was refused: {refusal}")
            tls.sendall(json.dumps({"ok": False, "error": refusal}).encode() + b"\n")
            raise ValueError(refusal)
        self._say(f"{address} fetches what it needs")
        digest = hashlib.sha256(self._answer).hexdigest()
        tls.sendall(json.dumps({"ok": True, "bytes": len(self._answer), "sha256": digest}).encode() + b"\n")
        tls.sendall(self._answer)

    def _refusal(self, request: dict[str, object], address: str) -> str:
        try:
            known = hmac.compare_digest(bytes.fromhex(str(request["secret"])), self._secret)
            ahead_s = float(str(request["time"])) - self._wall()
        except (KeyError, ValueError):
            return "what it says is no request for an invitation"
        if not known:
            return "it does not know the secret of this invitation"
        if abs(ahead_s) > CLOCK_S:
            way = "ahead of" if ahead_s > 0 else "behind"
            return f"its clock is {abs(ahead_s):.0f} s {way} the inviting server's: set both (chrony, " \
                "systemd-timesyncd), then join again"
        with self._lock:
            if self._guest not in ("", address):
                return f"this invitation was used from {self._guest} already: make another one"
            self._guest = address
        return ""
