"""`twinboot tree-sync`: builds the process and runs it until TERM.

It has the lowest priority, for the processor and so for the disk (ioprio_set(2)): heartbeats and installs
come first. Exit codes: 0 ended by TERM, 1 the socket cannot be made.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Mapping
from pathlib import Path

from twinboot.core.effects import LogLevel
from twinboot.log import log_event, start_logging
from twinboot.private_socket import listen

from .process import Process
from .serve import serve

log = logging.getLogger(__name__)

_NICE = 19


def main(path: Path, trees: Path, environ: Mapping[str, str] = os.environ) -> int:
    """Run it; its exit code."""
    handler = start_logging(environ.get("TWINBOOT_SERVER", "") or "-",
                            debug=environ.get("TWINBOOT_DEBUG", "") not in ("", "0"))
    os.nice(_NICE)
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    try:
        listener = listen(path)
    except OSError as exc:
        log_event(log, LogLevel.ERROR, "cannot-start", resource=str(path), reason=exc.strerror or str(exc))
        handler.close()
        return 1
    process = Process(trees)
    process.start()
    serve(listener, process.exchange)
    log_event(log, LogLevel.INFO, "tree-sync-started", trees=str(trees))
    ended.wait()
    process.end()
    handler.close()
    return 0
