"""Builds webhooks on this server, and joins them with those who have something to tell."""

from __future__ import annotations

from twinboot import kept
from twinboot.adapters.statefile import StateFile

from ..configuration import AgentFiles
from ..loop import Agent
from ..machines.build import Machines
from ..replication.replicator import Replicator
from .driver import Webhooks
from .senders import Poster, Senders
from .store import MAX_BYTES


def build_webhooks(agent: Agent, replicator: Replicator, files: AgentFiles, machines: Machines) -> Webhooks:
    """Needs the running loop; before the machines are started, so that it hears what their disk tells."""
    made = Webhooks(
        agent, replicator, StateFile(files.kept(kept.WEBHOOKS), MAX_BYTES), Senders(Poster(files.config)),
        machines.keeper.table,
    )  # fmt: skip
    machines.keeper.came_to = made.machine_came_to
    machines.discovery.changed = made.unknown_machine_changed
    agent.webhooks = made.figures
    return made
