"""Builds what keeps the lives of machines on this server."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from twinboot.adapters.machine_store import MachineStore
from twinboot.adapters.steer_links import SteerLinks
from twinboot.core.effects import LogLevel
from twinboot.log import log_event
from twinboot.machines.syslog import PORT

from ..configuration import AgentFiles
from ..loop import Agent
from .door import ReportDoor
from .keeper import MachineKeeper, Replicator
from .log_files import LogFiles
from .log_port import LogPort
from .watching import DownloadWatch

log = logging.getLogger(__name__)

DATABASE = "machines.sqlite"


@dataclass(frozen=True, slots=True)
class Machines:
    keeper: MachineKeeper
    door: ReportDoor
    watch: DownloadWatch
    logs: LogPort

    def close(self) -> None:
        self.door.close()
        self.logs.close()
        self.keeper.close()


async def build_machines(agent: Agent, replicator: Replicator, files: AgentFiles) -> Machines:
    """Needs the running loop. The keeper is to be started after the agent."""

    def live_peers() -> list[str]:
        return [peer.name for peer in agent.state.peers.values() if peer.alive]

    keeper = MachineKeeper(
        agent.config.me, replicator, MachineStore(files.state / DATABASE), SteerLinks(files.steer),
        now=agent.now, live_peers=live_peers,
    )  # fmt: skip
    door = ReportDoor(keeper, agent.now)
    try:
        await door.start(files.reports)
    except OSError as exc:
        log_event(log, LogLevel.ERROR, "reports-failed", path=str(files.reports), reason=str(exc))
    logs = LogPort(LogFiles(files.machine_logs), keeper.table.host_at)
    try:
        logs.start()
    except OSError as exc:
        log_event(log, LogLevel.ERROR, "machine-logs-failed", port=PORT, reason=str(exc))
    agent.alarms.add_source(keeper.alarm_conditions)
    return Machines(keeper, door, DownloadWatch(keeper), logs)
