"""The socket by which the sidecar asks: one JSON object a line, both ways.

    {"peers": {...}, "used": [...], "settings": {...}, "busy": 0}     {"told": {...}, "faults": {...}, ...}
    {}                                                                {"ok": true}     the health check

logic/codec.py owns the form. One connection at a time is served by each of a few threads.
"""

from __future__ import annotations

import json
import logging
import socket
import threading
from collections.abc import Callable

from ..logic.codec import Report, report_document, world_of
from ..logic.model import World

log = logging.getLogger(__name__)

THREADS = 3
LINE_MAX = 8 << 20
_IDLE_LIMIT_S = 30.0


def serve(listener: socket.socket, exchange: Callable[[World], Report]) -> None:
    """Returns at once; the threads end with the process."""
    for number in range(THREADS):
        thread = threading.Thread(
            target=_serve, args=(listener, exchange), name=f"socket-{number}", daemon=True)
        thread.start()


def _serve(listener: socket.socket, exchange: Callable[[World], Report]) -> None:
    while True:
        connection, _ = listener.accept()
        try:
            with connection, connection.makefile("rb") as lines:
                connection.settimeout(_IDLE_LIMIT_S)
                while (line := lines.readline(LINE_MAX)).endswith(b"\n"):
                    connection.sendall(answer(line, exchange))
        except OSError:
            continue  # the other side went away
        except Exception:
            log.exception("a question could not be answered")


def answer(line: bytes, exchange: Callable[[World], Report]) -> bytes:
    """One line for one line."""
    try:
        said = json.loads(line)
        reply = report_document(exchange(world_of(said))) if said else {"ok": True}
    except (ValueError, RecursionError) as exc:
        reply = {"error": str(exc)[:200]}
    return json.dumps(reply).encode() + b"\n"
