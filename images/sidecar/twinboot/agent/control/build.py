"""Builds what this agent is asked and told by: both sockets, and the audit log that they share."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence

from twinboot import kept
from twinboot.adapters.records.audit_file import AuditFile
from twinboot.core.effects import LogLevel
from twinboot.log import log_event

from ..configuration import AgentFiles
from ..loop import Agent
from ..machines.build import Machines
from ..replication.asking import PeerQuestions
from ..replication.replicator import Replicator
from ..rollout.driver import Rollout
from ..rollout.hosts import HostDesk
from ..settings import Settings
from .audit import Audit
from .https import expiry
from .machine_logs import MachineLogs, shorter
from .page_listener import PageListener
from .socket import ControlSocket

log = logging.getLogger(__name__)


class Controls:
    """socket: its rollout and keeper are set when they are there. The heartbeat keys are those of sessions,
    too."""

    def __init__(self, agent: Agent, settings: Settings, files: AgentFiles, keys: Sequence[bytes]) -> None:
        me, self._files = settings.cluster.me, files
        audit = Audit(me, AuditFile(files.kept(kept.AUDIT)))
        self.socket = ControlSocket(
            agent, {name: str(vip.address) for name, vip in settings.vips.items()}, audit, files.current)
        self.page_listener = PageListener(self.socket.answer, audit, lambda: agent.own_site())
        self.page_listener.set_keys(keys)
        agent.alarms.add_source(lambda server: expiry(files.current, server, time.time()))

    def know_machines(self, machines: Machines, leased: Callable[[], list[str]]) -> None:
        """Before the agent is started. leased: addresses that the DHCP server has given away."""
        self.socket.discovery, self.socket.leased = machines.discovery, leased

    def know_site(self, agent: Agent, rollout: Rollout | None, machines: Machines, replicator: Replicator
                  ) -> None:
        """When all is there that is told and asked. rollout: None where no site can be applied."""
        self.socket.rollout = rollout
        logs = self.socket.logs = MachineLogs(agent.config.me, self._files.kept(kept.LOGS))
        logs.peers = PeerQuestions(
            replicator, lambda: [one.name for one in agent.state.peers.values() if one.alive], logs.answer,
            shorter)
        if rollout is not None:
            self.socket.hosts = HostDesk(
                agent.config.me, rollout, heard=machines.discovery.rows, leased=self.socket.leased)

    async def start(self) -> None:
        """Starts what can be made; what cannot is logged, and the agent goes on without."""
        for one, path in ((self.socket, self._files.control), (self.page_listener, self._files.page)):
            try:
                await one.start(path)
            except OSError as exc:
                log_event(log, LogLevel.ERROR, "control-failed", path=str(path), reason=str(exc))

    def close(self) -> None:
        self.socket.close()
        if self.socket.logs is not None and self.socket.logs.peers is not None:
            self.socket.logs.peers.close()
        self.page_listener.close()
