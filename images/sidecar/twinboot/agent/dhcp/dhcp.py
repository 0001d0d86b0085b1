"""The DHCP engine's data on this server: puts together its leases, their replication and the DHCP snooper."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from ipaddress import IPv4Address

from twinboot import kept, paths
from twinboot.adapters.folder_changes import FolderChanges
from twinboot.adapters.lan.dhcp_snooper import DhcpListener
from twinboot.adapters.permit import ServePermit
from twinboot.alarms import Condition, kinds
from twinboot.core.effects import LogLevel
from twinboot.daemons import DHCPD
from twinboot.dhcp.journal import Journal
from twinboot.errors import ResourceError
from twinboot.kinds import DHCP_ENGINES
from twinboot.log import log_event

from ..configuration import AgentFiles
from ..replication.replicator import Replicator
from ..settings import Settings
from .leases import TABLE, ClusterLeases
from .snooper import DhcpSnooper
from .unbootable import read_refusals

log = logging.getLogger(__name__)

POLL_EVERY_S = 1.0
"""Should the kernel not tell that the lease file grew."""

COUNT_EVERY_POLLS = 5
"""Leases may be 20,000, and alarms are asked for often."""


@dataclass(slots=True)
class DhcpSubsystem:
    """Leases and DHCP snooper of this server, with the watch on the lease folder that wakes them."""

    leases: ClusterLeases
    snooper: DhcpSnooper
    file_changes: FolderChanges | None
    service: str
    own_address: IPv4Address
    permit: ServePermit
    timer: asyncio.TimerHandle | None = None
    exhausted: list[Condition] = field(default_factory=list)
    polls: int = 0

    def start(self) -> None:
        self.leases.start()
        self.snooper.start()
        if self.file_changes is not None:
            asyncio.get_running_loop().add_reader(self.file_changes.fileno(), self._readable)
        self._poll()

    def close(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
        if self.file_changes is not None:
            asyncio.get_running_loop().remove_reader(self.file_changes.fileno())
            self.file_changes.close()
        self.snooper.close()
        self.leases.close()
        self.permit.forget()  # the next sidecar may be of a release that knows of none

    def alarm_conditions(self, server: str) -> list[Condition]:
        found, fault = self.snooper.alarm_conditions(), self.leases.fault
        if fault:
            found.append(kinds.LEASES_NOT_KEPT.on(server, f"leases are not kept: {fault}"))
        if self.leases.serves_here:  # told by one server, not by each
            found += [*self.exhausted, *self.snooper.unserved_clients()]
        return found

    def ask_lan(self, service: str) -> None:
        """Carries out AskForService: the DHCP server is the one managed service."""
        self.snooper.ask(self.own_address)

    def _readable(self) -> None:
        assert self.file_changes is not None
        self.file_changes.drain()
        self.leases.file_changed()

    def _poll(self) -> None:
        self.leases.file_changed()
        if self.polls % COUNT_EVERY_POLLS == 0:
            self.exhausted = self.leases.exhausted_ranges()
        self.polls += 1
        self.timer = asyncio.get_running_loop().call_later(POLL_EVERY_S, self._poll)


def build_dhcp(
    settings: Settings, replicator: Replicator, now: Callable[[], float], files: AgentFiles
) -> DhcpSubsystem:
    """Needs the running loop."""
    vips = frozenset(vip.address for vip in settings.vips.values())
    refusals = read_refusals(paths.BOOT_REFUSALS)
    snooper = DhcpSnooper(
        partial(DhcpListener, settings.lan.interface), vips | settings.servers, now, refusals
    )
    engine = DHCP_ENGINES.get(settings.dhcp_engine)
    leases = ClusterLeases(
        file=engine.lease_file(files.leases, settings.lease_subnets),
        engine=engine.name,
        service=DHCPD.name,
        journal=Journal(files.kept(kept.LEASES)),
        replicator=replicator,
        pools=settings.pools,
        server_ids=frozenset((settings.vips[settings.dhcp_group].address,)),
        requests=snooper.requests,
        now=now,
        wall=time.time,
    )
    replicator.subscribe(TABLE, leases.apply_change)
    file_changes: FolderChanges | None = None
    try:
        file_changes = FolderChanges(files.leases)
    except ResourceError as exc:
        log_event(
            log, LogLevel.WARNING, "lease-file-changes-failed", resource=exc.resource, reason=exc.reason
        )
    return DhcpSubsystem(leases, snooper, file_changes, DHCPD.name, settings.lan.address,
                         ServePermit(files.kept(kept.PERMIT), settings.vips[settings.dhcp_group].address))
