"""The install services of a server, put on the model kernel: what nginx and vsftpd do with a connection."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Address
from typing import Any

from twinboot.takeover.host.published.tree import PublishedTree

from .files import Files
from .ftp_service import FtpConversation
from .http_service import HttpConversation
from .kernel import Kernel


def install(kernel: Kernel, files: Files, tree: PublishedTree, server: IPv4Address, *, lingers: bool) -> None:
    """Both services, on all addresses of a kernel."""

    def http(conn: Any) -> None:
        HttpConversation(kernel, conn, files)

    def ftp(conn: Any) -> None:
        FtpConversation(kernel, conn, files, tree, server, lingers=lingers)

    services: dict[int, Callable[[Any], None]] = {80: http, 21: ftp}
    for port, serve in services.items():
        kernel.listen(port, serve)
    kernel.local_services[80] = http
