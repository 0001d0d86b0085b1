"""The judge of announcements: while a server is silent, a holder announces its addresses without a pause."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twinboot.core.effects import AnnounceVip, Effect
from twinboot.core.model import GroupState
from twinboot.core.vip import group as groups

from .acts import InvariantViolation

if TYPE_CHECKING:
    from .host import Server

SLACK_S = 0.25
"""A server looks so late at times: when it is asked for, and nothing is sent meanwhile."""


class Announcing:
    """Follows the servers' own clocks: one that was paused begins anew."""

    def __init__(self) -> None:
        self._silent_since: dict[tuple[str, str], float] = {}
        self._announced_at: dict[tuple[str, str], float] = {}
        self._stepped_at: dict[str, float] = {}

    def check(self, server: Server, effects: tuple[Effect, ...]) -> None:
        """After a step. InvariantViolation: the address was not announced for too long."""
        assert server.process is not None
        now, state = server.process.clock(), server.process.state
        stepped_at = self._stepped_at.get(server.name, now)
        paused = not stepped_at <= now <= stepped_at + SLACK_S
        self._stepped_at[server.name] = now
        for group in state.groups.values():
            key = server.name, group.name
            if AnnounceVip(group.name) in effects:
                self._announced_at[key] = now
            silent = any(
                peer.name in group.config.order and not peer.alive and not peer.left
                for peer in state.peers.values()
            )
            if paused or not silent or group.state is not GroupState.HELD or group.conflict is not None:
                self._silent_since.pop(key, None)
                self._announced_at.pop(key, None)
                continue
            since = max(self._silent_since.setdefault(key, now), self._announced_at.get(key, 0.0))
            if now > since + groups.ANNOUNCE_TO_SILENT_S + SLACK_S:
                raise InvariantViolation(
                    f"{server.name} has not announced {group.name} for {now - since:.2f} s")
