"""Builds what keeps the lives of machines on this server."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from twinboot import kept, paths
from twinboot.adapters.lan.traffic import SentCounter
from twinboot.adapters.machine_store import MachineStore
from twinboot.adapters.statefile import StateFile
from twinboot.adapters.steer_links import SteerLinks
from twinboot.core.effects import LogLevel
from twinboot.core.ownership import candidates
from twinboot.loaders.firmware import booted_as, said_by
from twinboot.log import log_event
from twinboot.machines.by_load.least_work import Rules
from twinboot.machines.facts import Facts
from twinboot.machines.syslog import PORT
from twinboot.machines.unknown_machines import MAX_BYTES, uuid_of
from twinboot.wire.net.dhcp import DhcpMessage

from ..configuration import AgentFiles
from ..loop import Agent
from ..power.asked import PowerDesk
from ..replication.replicator import Replicator
from .discovery import IDENTIFIER, Discovery
from .download_monitor import DownloadMonitor
from .figures import Figures
from .keeper import MachineKeeper
from .logs.log_files import LogFiles
from .logs.log_port import LogPort
from .report_listener import ReportListener

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Machines:
    keeper: MachineKeeper
    listener: ReportListener
    watch: DownloadMonitor
    logs: LogPort
    discovery: Discovery
    power: PowerDesk

    def start(self, path: Path) -> None:
        """path: of the rendered facts. The agent is to be started before."""
        self.keeper.start(path)
        self.discovery.start()

    def set_facts(self, hosts: Mapping[str, Facts] | None, rules: Rules | None) -> None:
        """The hosts of the site that is rendered now, and how they are shared. On the loop."""
        self.keeper.set_facts(hosts, rules)
        self.discovery.site_changed()

    def hear_boot(self, message: DhcpMessage) -> None:
        """A machine's firmware has asked for a boot file. On the loop."""
        mac = message.client.hex(":")
        uuid, (firmware, sure) = uuid_of(message.said.get(IDENTIFIER, b"")), booted_as(said_by(message.said))
        if not self.keeper.hear_boot(mac, uuid, firmware, sure=sure):
            self.discovery.hear(mac, message.said, message.relay)

    def figures(self) -> Figures:
        """Figures for the metrics, every second."""
        return self.keeper.figures(self.discovery.known())

    def close(self) -> None:
        self.power.close()
        self.discovery.close()
        self.listener.close()
        self.logs.close()
        self.keeper.close()


async def build_machines(
    agent: Agent, replicator: Replicator, files: AgentFiles, interface: str
) -> Machines:
    """Needs the running loop. interface: of the LAN."""

    def live_peers() -> list[str]:
        return [peer.name for peer in agent.state.peers.values() if peer.alive]

    def holders() -> dict[str, str]:
        state = agent.state
        found = {group.name: candidates.holder(state, group) for group in state.groups.values()}
        return {group: server for group, server in found.items() if server is not None}

    keeper = MachineKeeper(
        agent.config.me, replicator, MachineStore(files.kept(kept.MACHINES)), SteerLinks(files.steer),
        now=agent.now, live_peers=live_peers, holders=holders, sent=SentCounter(interface).read,
    )  # fmt: skip
    discovery = Discovery(
        agent.config.me, replicator, StateFile(files.kept(kept.UNKNOWN_MACHINES), MAX_BYTES),
        lambda: keeper.table.macs, host_of_uuid=keeper.table.host_of_uuid,
    )  # fmt: skip
    listener = ReportListener(keeper, agent.now, discovery.record_inventory)
    try:
        await listener.start(files.reports)
    except OSError as exc:
        log_event(log, LogLevel.ERROR, "reports-failed", path=str(files.reports), reason=str(exc))
    logs = LogPort(LogFiles(files.kept(kept.LOGS)), keeper.table.host_at)
    try:
        logs.start()
    except OSError as exc:
        log_event(log, LogLevel.ERROR, "machine-logs-failed", port=PORT, reason=str(exc))
    agent.alarms.add_source(keeper.alarm_conditions)
    targets = files.current / "sidecar" / paths.POWER_TARGETS.name
    power = PowerDesk(agent.config.me, keeper, targets, files.power, agent.now)
    return Machines(keeper, listener, DownloadMonitor(keeper), logs, discovery, power)
