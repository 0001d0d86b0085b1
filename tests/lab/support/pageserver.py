"""The page's service in this process, on a port of 127.0.0.1, over a sidecar that is played."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fakesidecar import FakeSidecar
from twinboot_page.app import application
from twinlab.host.wait import until


class PageServer:
    """It can be ended, and begun again at the same address, as when a peer takes it over."""

    def __init__(self, sidecar: FakeSidecar) -> None:
        self.sidecar = sidecar
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        settings = uvicorn.Config(
            application(self.sidecar), host="127.0.0.1", port=self.port, log_level="critical", lifespan="off",
            timeout_graceful_shutdown=0,
        )  # fmt: skip
        self._server = made = uvicorn.Server(settings)
        self._thread = threading.Thread(target=made.run, daemon=True)
        self._thread.start()
        until(lambda: made.started, "the page's service", timeout_s=60)

    def stop(self) -> None:
        if self._server is not None and self._thread is not None:
            self._server.should_exit = self._server.force_exit = True
            self._thread.join(30)
        self._server = self._thread = None


@contextmanager
def page_server(sidecar: FakeSidecar) -> Iterator[PageServer]:
    """Serving, until the end of the block."""
    made = PageServer(sidecar)
    made.start()
    try:
        yield made
    finally:
        made.stop()
