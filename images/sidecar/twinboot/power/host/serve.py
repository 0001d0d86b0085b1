"""The socket: one question a connection, each in a thread of its own.

A BMC that never ends an answer holds its thread for ever; MOST_THREADS bounds what that can take.
"""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable

from twinboot.core.effects import LogLevel
from twinboot.log import log_event

from ..logic import talk
from ..logic.talk import LINE_MAX, Answer, Question

log = logging.getLogger(__name__)

MOST_THREADS = 48
_READ_S = 5.0
Do = Callable[[Question], Answer]


def serve(listener: socket.socket, do: Do) -> None:
    """Returns at once; the threads end with the process."""
    threading.Thread(target=_accept, args=(listener, do), name="socket", daemon=True).start()


def _accept(listener: socket.socket, do: Do) -> None:
    free = threading.BoundedSemaphore(MOST_THREADS)
    while True:
        connection, _ = listener.accept()
        if not free.acquire(blocking=False):
            log_event(log, LogLevel.WARNING, "power-busy", threads=MOST_THREADS)
            connection.close()
            continue
        threading.Thread(target=_serve, args=(connection, do, free), name="action", daemon=True).start()


def _serve(connection: socket.socket, do: Do, free: threading.BoundedSemaphore) -> None:
    try:
        with connection, connection.makefile("rb") as lines:
            connection.settimeout(_READ_S)
            line = lines.readline(LINE_MAX)
            if line.endswith(b"\n"):
                connection.sendall(answer(line, do))
    except OSError:
        pass  # the other side went away
    except Exception:
        log.exception("a question could not be answered")
    finally:
        free.release()


def answer(line: bytes, do: Do) -> bytes:
    """One line for one line."""
    try:
        question = talk.question_of(line)
    except ValueError as exc:
        return talk.answer_line(Answer(False, str(exc), "refused"))
    return talk.answer_line(Answer(True, "") if question is None else do(question))
