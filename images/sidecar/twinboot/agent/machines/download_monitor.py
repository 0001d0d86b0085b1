"""Sees how far machines are on their way to the installer: by what the takeover process records of this
server's downloads.

Only records of hosts whose install has not begun are looked into: the others are many, and say nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address

from twinboot.takeover.logic import record_codec
from twinboot.takeover.logic.protocols import tftp_download
from twinboot.takeover.logic.record import ConnectionKey
from twinboot.takeover.logic.tracker import FTP_PORT, HTTP_PORT
from twinboot.wire.net.tftp import PORT as TFTP_PORT

from .keeper import MachineKeeper


class DownloadMonitor:
    """record() is called on the loop with each record of this server."""

    def __init__(self, keeper: MachineKeeper) -> None:
        self._keeper = keeper

    def record(self, key: bytes, value: bytes) -> None:
        """What cannot be read is no news: a takeover process of another release may have written it."""
        address = str(IPv4Address(key[:4])) if len(key) >= 4 else ""
        if not self._keeper.waits_at(address):
            return
        try:
            paths = list(_paths(ConnectionKey.unpack(key).server_port, value))
        except ValueError:
            return
        for path in paths:
            self._keeper.hear_fetch(address, path.decode("utf-8", "replace"))


def _paths(port: int, value: bytes) -> Iterator[bytes]:
    if port == TFTP_PORT:
        yield tftp_download.decode(value).path
    elif port in (FTP_PORT, HTTP_PORT):
        record = record_codec.decode(value)
        yield from (response.target for response in record.responses)
        if record.session is not None and record.session.transfer is not None:
            yield record.session.transfer.path
