"""Looks at the kernel as soon as one of our addresses goes; without it, the look of every second will do."""

from __future__ import annotations

import asyncio
import logging

from twinboot.adapters.lan.address import AddressChanges
from twinboot.core.effects import LogLevel
from twinboot.errors import ResourceError
from twinboot.log import log_event

from .vips import Vips

log = logging.getLogger(__name__)


def watch_addresses(loop: asyncio.AbstractEventLoop, vips: Vips) -> AddressChanges | None:
    """None when the kernel does not tell; the log says why."""
    try:
        address_changes = AddressChanges()
    except ResourceError as exc:
        log_event(log, LogLevel.WARNING, "address-changes-failed", reason=str(exc))
        return None

    def readable() -> None:
        if any(vips.owns(address) for address in address_changes.removed()):
            vips.observe()

    loop.add_reader(address_changes.fileno(), readable)
    return address_changes
