"""Builds what this agent is asked and told by: both sockets, and the log of deeds that they share."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from twinboot.adapters.records.audit_file import AuditFile
from twinboot.core.effects import LogLevel
from twinboot.log import log_event

from ..configuration import AgentFiles
from ..loop import Agent
from ..settings import Settings
from .audit import Audit
from .page_door import PageDoor
from .socket import ControlSocket

log = logging.getLogger(__name__)


class Controls:
    """socket: its rollout and keeper are set when they are there. The heartbeat keys are those of sessions,
    too."""

    def __init__(self, agent: Agent, settings: Settings, files: AgentFiles, keys: Sequence[bytes]) -> None:
        me, self._files = settings.cluster.me, files
        audit = Audit(me, AuditFile(files.audit))
        self.socket = ControlSocket(
            agent, {name: str(vip.address) for name, vip in settings.vips.items()}, audit, files.current)
        self.page_door = PageDoor(self.socket.answer, audit, lambda: agent.site_of(me))
        self.page_door.set_keys(keys)

    async def start(self) -> None:
        """What cannot be made is logged; the agent goes on without."""
        for one, path in ((self.socket, self._files.control), (self.page_door, self._files.page)):
            try:
                await one.start(path)
            except OSError as exc:
                log_event(log, LogLevel.ERROR, "control-failed", path=str(path), reason=str(exc))

    def close(self) -> None:
        self.socket.close()
        self.page_door.close()
