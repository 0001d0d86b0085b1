"""`python3 -m twinboot.power.host.start`: builds the process and runs it until TERM.

Exit codes: 0 ended by TERM; 1 the socket cannot be made.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

from twinboot import paths
from twinboot.core.effects import LogLevel
from twinboot.kinds import POWER
from twinboot.log import log_event, start_logging
from twinboot.private_socket import listen

from .actions import Actions
from .serve import serve

log = logging.getLogger(__name__)

_MODE = 0o666
"""Mode of the socket: its folder lets in this process and root's group alone."""


def main(
    path: Path = paths.POWER_SOCKET, targets: Path = paths.POWER_TARGETS, config: Path = paths.CONFIG,
    environ: Mapping[str, str] = os.environ,
) -> int:
    """Run it; its exit code."""
    handler = start_logging(environ.get("TWINBOOT_SERVER", "") or "-",
                            debug=environ.get("TWINBOOT_DEBUG", "") not in ("", "0"))  # fmt: skip
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    try:
        listener = listen(path, 64, mode=_MODE)
    except OSError as exc:
        log_event(log, LogLevel.ERROR, "cannot-start", resource=str(path), reason=exc.strerror or str(exc))
        handler.close()
        return 1
    serve(listener, Actions(targets, config).do)
    log_event(log, LogLevel.INFO, "power-started", kinds=",".join(POWER.names()))
    ended.wait()
    handler.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
