"""Builds the agent's part of applying a site: first the site that it works by, then what looks on."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from functools import partial

from twinboot import kept
from twinboot.adapters.engine import EngineProxyClient
from twinboot.adapters.records.site_texts import SiteTexts
from twinboot.adapters.statefile import StateFile
from twinboot.rollout.record import MAX_BYTES

from ..configuration import AgentFiles, ConfigError
from ..loop import Agent
from ..reload import Generations
from ..replication.replicator import Replicator
from ..replication.site_copies import SiteCopies
from . import driver, pending
from .begin import Begun, begin


@dataclass(frozen=True, slots=True)
class Start:
    """started_with: the files that the daemons run with. restarts: those of them that are still due."""

    begun: Begun
    started_with: Generations
    restarts: pending.PendingRestarts

    def note_restarts(self) -> None:
        """Other files are about to be written."""
        self.restarts.note(self.started_with.started)


def take_site(server: str, files: AgentFiles, engine: EngineProxyClient) -> Start:
    """Before anything is claimed: the committed site, rendered. ConfigError when it does not name us."""
    restarts = pending.PendingRestarts(StateFile(files.kept(kept.RESTARTS), pending.MAX_BYTES))
    started_with = Generations(files.current, restarts.read())
    begun = begin(StateFile(files.record, MAX_BYTES), files.current, files.config, engine,
                  lambda: restarts.note(started_with.started))
    _check_membership(begun, server)
    return Start(begun, started_with, restarts)


def _check_membership(begun: Begun, server: str) -> None:
    """A server that the committed site does not name ends here, and holds nothing."""
    from twinboot.site import SiteError, loads

    if begun.record is None or not begun.fault:
        return
    committed = begun.record.committed
    with contextlib.suppress(SiteError):
        if server not in loads(committed.text).servers:
            raise ConfigError([f"{server} is not in site {committed.version.number}, which was applied: "
                               "`make down` here; to take it back, apply a site that names it, then "
                               "`scripts/twinboot forget-site` and `make up` here"])


def build_rollout(
    agent: Agent, replicator: Replicator, engine: EngineProxyClient, files: AgentFiles, start: Start,
) -> driver.Rollout | None:
    """None where the record of the site cannot be had: then no site can be applied here."""
    if start.begun.record is None:
        return None
    told = SiteCopies(replicator, driver.TABLE)
    replicator.subscribe(driver.TABLE, told.changed)
    made = driver.Rollout(
        agent, copies=told, record=start.begun.record, file=StateFile(files.record, MAX_BYTES),
        config=files.config, current=files.current, engine=engine, fault=start.begun.fault,
        leave=partial(agent.leave, begin_anew=True), before_render=start.note_restarts,
        kept=SiteTexts(files.kept(kept.SITES)),
    )
    agent.alarms.add_source(made.alarm_conditions)
    made.start()
    return made
