"""Builds the agent's side of connection takeover, and ends it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from ipaddress import IPv4Address

from twinboot import daemons, paths
from twinboot.adapters.engine import EngineProxyClient
from twinboot.core.model import GroupState

from ..health.services import Services
from ..loop import Agent
from ..replication.replicator import Replicator
from ..settings import Settings
from ..vip.vips import Vips
from . import moves
from .dialects import DialectWatch


class Takeover:
    """The takeover of a server whose site wants clients' connections to be taken over."""

    def __init__(self, made: moves.TakeoverMoves, dialects: DialectWatch) -> None:
        self._moves, self._dialects = made, dialects

    def watch(self, record_made: Callable[[bytes, bytes], None]) -> None:
        """Call this with each record of our takeover process."""
        self._moves.record_made = record_made

    def close(self) -> None:
        self._dialects.close()
        self._moves.close()


def build_takeover(agent: Agent, settings: Settings, replicator: Replicator, services: Services, vips: Vips,
                   engine: EngineProxyClient) -> Takeover:
    """Builds the takeover, in the running loop."""
    vips.moves = made = moves.TakeoverMoves(
        paths.TAKEOVER_SOCKET, replicator, _held_addresses(agent, settings),
        _last_holder(agent, settings), restart=partial(services.repair, daemons.TAKEOVER),
    )
    made.timeline = agent.history.record_events_of_address
    agent.alarms.add_source(made.alarm_conditions)
    agent.connections = made.summary
    return Takeover(made, DialectWatch(engine, made.set_dialects))


def _held_addresses(agent: Agent, settings: Settings) -> Callable[[], list[IPv4Address]]:
    """The addresses that are here now."""
    return lambda: [
        settings.vips[name].address for name, group in agent.state.groups.items()
        if group.state is GroupState.HELD
    ]


def _last_holder(agent: Agent, settings: Settings) -> Callable[[IPv4Address], moves.LastHolder]:
    """Who had an address last."""

    def look(address: IPv4Address) -> moves.LastHolder:
        state = agent.state
        found = next((group.last_holder for name, group in state.groups.items()
                      if settings.vips[name].address == address), "")
        if found in state.peers:
            return moves.LastHolder(found, alive=state.peers[found].alive)
        ours = found == state.config.me
        return moves.LastHolder(alive=ours, ours=ours)

    return look
