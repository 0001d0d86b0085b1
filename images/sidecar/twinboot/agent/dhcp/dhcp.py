"""dhcpd's data on this server: puts together its leases, the stream of them, and the watch of the LAN."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from twinboot.adapters.lan.dhcp_snooper import DhcpEar
from twinboot.core.effects import Level
from twinboot.dhcp.isc.lease_file import FolderNews, Journal, LeaseFile
from twinboot.errors import ResourceError
from twinboot.log import say

from ..replication.replicator import Streams
from ..settings import Settings
from .leases import TOPIC, Leases
from .snooper import DhcpWatch

log = logging.getLogger(__name__)

JOURNAL = "twinboot.leases"
LOOK_EVERY_S = 1.0
"""Should the kernel not tell that the lease file grew."""


@dataclass(slots=True)
class Dhcp:
    """Both, and who wakes them."""

    leases: Leases
    watch: DhcpWatch
    news: FolderNews | None
    timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        self.leases.start()
        self.watch.start()
        if self.news is not None:
            asyncio.get_running_loop().add_reader(self.news.fileno(), self._readable)
        self._look()

    def close(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
        if self.news is not None:
            asyncio.get_running_loop().remove_reader(self.news.fileno())
            self.news.close()
        self.watch.close()
        self.leases.close()

    def alarms(self) -> list[str]:
        fault = self.leases.fault
        return self.watch.alarms() + ([f"leases are not kept: {fault}"] if fault else [])

    def _readable(self) -> None:
        assert self.news is not None
        self.news.clear()
        self.leases.written()

    def _look(self) -> None:
        self.leases.written()
        self.timer = asyncio.get_running_loop().call_later(LOOK_EVERY_S, self._look)


def dhcp_of(settings: Settings, streams: Streams, now: Callable[[], float], file: Path) -> Dhcp:
    """file: dhcpd's lease file; the journal is its neighbour. Needs the running loop."""
    vips = frozenset(vip.address for vip in settings.vips.values())
    watch = DhcpWatch(partial(DhcpEar, settings.lan.interface), vips | settings.servers, now)
    leases = Leases(
        file=LeaseFile(file), store=Journal(file.with_name(JOURNAL)), stream=streams,
        pools=settings.pools, server_ids=frozenset((settings.vips[settings.dhcp_group].address,)),
        requests=watch.requests, now=now, wall=time.time)
    streams.listen(TOPIC, leases.learn)
    news: FolderNews | None = None
    try:
        news = FolderNews(file.parent)
    except ResourceError as exc:
        say(log, Level.WARNING, "lease-news-failed", resource=exc.resource, reason=exc.reason)
    return Dhcp(leases, watch, news)
