"""The log: one line per event, written so that it can never hold up its writer.

Owns the line's form and the thread that writes it. What is worth a line is decided elsewhere.
Docker's log pipe may be full (a slow or a full disk): lines then wait in a bounded queue, and those
that do not fit are counted and named once there is room again.
"""

from __future__ import annotations

import logging
import os
import queue
import threading
import time
from collections.abc import Mapping

from twinboot.core.effects import LogLevel

FieldValue = str | int | float
_ROOT = "twinboot"
_QUEUE_LINES = 2000
_STDOUT = 1


def log_event(logger: logging.Logger, level: LogLevel, event: str, /, **fields: FieldValue) -> None:
    """Log one event and its fields."""
    log_fields(logger, level, event, fields)


def log_fields(logger: logging.Logger, level: LogLevel, event: str, fields: Mapping[str, FieldValue]) -> None:
    logger.log(level.value, event, extra={"fields": dict(fields)})


def format_line(*, at: float, level: str, server: str, event: str, fields: Mapping[str, FieldValue]) -> str:
    """`2026-11-22T17:00:00.123Z INFO server1 group-claimed group=first reason="server2 dead"`."""
    millis = int(at * 1000)
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(millis // 1000))
    words = [f"{stamp}.{millis % 1000:03d}Z", level, server, event]
    words += [f"{key}={_quoted(value)}" for key, value in fields.items()]
    return " ".join(words)


def _quoted(value: FieldValue) -> str:
    if isinstance(value, float):
        return f"{value:.3f}".rstrip("0").rstrip(".")
    text = str(value)
    if text and all(c.isalnum() or c in "-_.:/@,+%" for c in text):
        return text
    text = "".join(c if c.isprintable() else " " for c in text)
    return '"' + text.replace("\\", "\\\\").replace('"', "'") + '"'


class LogHandler(logging.Handler):
    """Hands lines to a thread of its own; emit() never blocks. out: a file descriptor."""

    def __init__(self, server: str, out: int) -> None:
        super().__init__()
        self._server = server
        self._out = out
        self._lines: queue.Queue[str | None] = queue.Queue(_QUEUE_LINES)
        self._unqueued = 0
        self._unwritten = 0
        self._reported_lost = 0
        self._thread = threading.Thread(target=self._write, name="log", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        fields = dict(getattr(record, "fields", {}))
        event = record.getMessage()
        if record.exc_info and record.exc_info[1] is not None:
            fields["error"] = f"{type(record.exc_info[1]).__name__}: {record.exc_info[1]}"
        if not hasattr(record, "fields"):
            event, fields = record.name, {"message": event, **fields}
        text = format_line(
            at=record.created, level=record.levelname, server=self._server, event=event, fields=fields
        )
        try:
            self._lines.put_nowait(text)
        except queue.Full:
            self._unqueued += 1

    @property
    def lost(self) -> int:
        """Lines lost since the start."""
        return self._unqueued + self._unwritten

    def close(self, limit_s: float = 1.0) -> None:
        """Write what is waiting, within a bounded time."""
        try:
            self._lines.put(None, timeout=limit_s / 2)
        except queue.Full:
            return
        self._thread.join(timeout=limit_s / 2)
        super().close()

    def _write(self) -> None:
        while (text := self._lines.get()) is not None:
            lost = self.lost
            try:
                self._write_out(text + "\n")
                if lost > self._reported_lost:
                    self._write_out(
                        format_line(
                            at=time.time(),
                            level="WARNING",
                            server=self._server,
                            event="log-lines-lost",
                            fields={"count": lost - self._reported_lost},
                        )
                        + "\n"
                    )
                    self._reported_lost = lost
            except OSError:
                self._unwritten += 1

    def _write_out(self, text: str) -> None:
        """Straight to the descriptor: a lock of Python's own streams that is held by a write which waits
        would keep the process from ending."""
        data = text.encode(errors="replace")
        while data:
            data = data[os.write(self._out, data):]


def start_logging(server: str, *, debug: bool = False, out: int | None = None) -> LogHandler:
    """Send every logger's lines to stdout in the log's form. Call close() on it at the end."""
    handler = LogHandler(server, _STDOUT if out is None else out)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger(_ROOT).setLevel(logging.DEBUG if debug else logging.INFO)
    return handler
