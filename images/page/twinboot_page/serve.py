"""The program: serves on a Unix socket, which the HTTP service alone can reach; and its health check.

Exit codes: 0 ended in order, 1 a fault, 2 called in a wrong way, 143 ended by TERM.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

SOCKET = Path(os.environ.get("TWINBOOT_PAGE_SOCKET", "/run/page/page.sock"))
HEALTH_S = 4.0
_MAX_AT_ONCE = 512
_KEEP_ALIVE_S = 75
_GRACE_S = 2
"""For answers that are under way when it is told to end; event streams never end by themselves."""


def main(arguments: Sequence[str]) -> int:
    """The exit code."""
    if list(arguments) == ["health"]:
        return health(SOCKET)
    if list(arguments) not in ([], ["serve"]):
        print("page: serve | health", file=sys.stderr)
        return 2
    return serve(SOCKET)


def serve(path: Path) -> int:
    import uvicorn

    from .app import application

    if not path.parent.is_dir():
        print(f"page: the folder {path.parent} is missing: compose mounts the volume `page` there")
        return 2
    print(f"page: serving on {path}", flush=True)
    uvicorn.run(
        application(), uds=str(path), proxy_headers=False, server_header=False, access_log=False,
        log_level="warning", limit_concurrency=_MAX_AT_ONCE, timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=_GRACE_S, lifespan="off",
    )  # fmt: skip
    return 0


def health(path: Path) -> int:
    """Does it answer? What is wrong with the sidecar is not its illness."""
    request = b"GET /api/v1/version HTTP/1.1\r\nHost: page\r\nConnection: close\r\n\r\n"
    try:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(HEALTH_S)
            sock.connect(str(path))
            sock.sendall(request)
            said = sock.recv(64)
    except OSError as exc:
        print(f"the page does not answer ({path}: {exc})")
        return 1
    well = said.startswith(b"HTTP/1.1 200 ")
    print("the page answers" if well else f"the page answers {said[:40]!r}")
    return 0 if well else 1
