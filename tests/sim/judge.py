"""The judge: what clients must never see, looked at after every event.

Sees the world from outside: who answers for an address on which part of the LAN, who serves DHCP. A
server's own acts are judged in acts.py. Raises Broken with the sentence that was broken.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from twinboot.core import hold
from twinboot.core.effects import Effect
from twinboot.core.model import Failback
from twinboot.core.state import Phase, State

from . import acts
from .acts import Broken

if TYPE_CHECKING:
    from .host import Server
    from .world import World

__all__ = ["Broken", "Judge"]

SLACK_S = 0.5
GUARD_S = 0.5
JOINED_S = 1.0
UNHEARD_S = 0.05


class Judge:
    def __init__(self, world: World) -> None:
        self.world = world
        self.doubled: dict[tuple[str, str, str], tuple[str, float]] = {}
        self.met: dict[tuple[str, str, str], bool] = {}
        """Of what is doubled: it began unheard, while the LAN joined the two: the second could have asked."""
        self.on_lan: dict[str, tuple[int, float]] = {}
        """Servers that the LAN reaches: in which part, and since when."""
        self.orphans: dict[str, float] = {}
        """Groups that nobody has, and since when."""
        self.worst: dict[str, float] = {}
        """Longest double holding seen, by the kind of pair."""
        self.window = (0.0, 0)

    @property
    def watchful(self) -> bool:
        """Something is as it should not be, and must not last."""
        return bool(self.doubled or self.orphans)

    # While it runs -------------------------------------------------------------------------------

    def stepped(self, server: Server, before: State, effects: tuple[Effect, ...]) -> None:
        acts.check(server, before, effects)
        self.no_spinning(server)

    def no_spinning(self, server: Server) -> None:
        """Steps a second are bounded by what the servers send each other."""
        since, count = self.window
        now = self.world.now
        if now >= since + 1.0:
            self.window = (now, 1)
            return
        self.window = (since, count + 1)
        servers = len(self.world.servers)
        if count > 600 * servers * servers:
            raise Broken(f"{server.name}: {count} steps in a second")

    def look(self) -> None:
        """The clients' view of this moment."""
        world = self.world
        world.changed = False
        for one in world.servers.values():
            if not one.reachable():
                self.on_lan.pop(one.name, None)
            elif self.on_lan.get(one.name, (None,))[0] != one.plug.part:
                self.on_lan[one.name] = (one.plug.part, world.now)
        for group in world.groups:
            self._single(group.name, [one for one in world.servers.values() if one.answers(group.name)])
            self._served(group.name)
            for service in group.services:
                self._single(service, [one for one in world.servers.values() if one.serves(service)])

    def _single(self, what: str, holders: list[Server]) -> None:
        """Clients of one part of the LAN never reach two holders of one address, nor two dhcpd.

        What cannot be told at once may last for a bounded time, by the kind of pair: see _kind and
        _allowed. On the two sides of a cut of the LAN each side may have its own.
        """
        if len(holders) < 2 and not self.doubled:
            return
        pairs = {
            (what, a.name, b.name): self._kind(a, b)
            for a, b in combinations(holders, 2) if a.plug.part == b.plug.part
        }
        for key in [key for key in self.doubled if key[0] == what and key not in pairs]:
            del self.doubled[key], self.met[key]
        for key, kind in pairs.items():
            old, since = self.doubled.get(key, ("", 0.0))
            kind = self._unheard(key, kind)
            if old != kind:
                since = self.world.now
                self.doubled[key] = (kind, since)
            lasted = self.world.now - since
            self.worst[kind] = max(self.worst.get(kind, 0.0), lasted)
            allowed = self._allowed(kind, what)
            if allowed is not None and (lasted > allowed or allowed == 0.0):
                raise Broken(
                    f"{what} is on {key[1]} and {key[2]} for {lasted:.2f} s ({kind}: at most {allowed:.2f} s)"
                )

    def _unheard(self, key: tuple[str, str, str], kind: str) -> str:
        """No heartbeat can tell the two: then the LAN must have, if it could be asked.

        Not so when it brought together, or the cut set apart, two that held the same already.
        """
        _, a, b = key
        if key not in self.met:
            self.met[key] = kind.startswith("unheard") and self._joined(a, b)
        return f"{kind}, EXCLUDED" if kind.startswith("unheard") and not self.met[key] else kind

    def _joined(self, a: str, b: str) -> bool:
        """The LAN has joined the two for longer than it takes to claim."""
        nowhere = (0, self.world.now)
        since = max(self.on_lan.get(a, nowhere)[1], self.on_lan.get(b, nowhere)[1])
        return self.world.now > since + JOINED_S

    def _kind(self, a: Server, b: Server) -> str:
        """What can be asked of two servers that both hold the same.

        husk      a sidecar is dead or frozen: the kernel's lifetime ends it
        clear     they hear each other
        one-way   one hears the other
        unheard   no heartbeat can tell them (all links cut, or strangers that are heard one way): the LAN
                  itself must have kept the second from claiming
        """
        if not a.awake or not b.awake:
            return "husk"
        ways = self.world.connected(a.name, b.name), self.world.connected(b.name, a.name)
        if all(ways):
            return "clear"
        if not any(ways):
            return "unheard"
        assert a.process is not None
        assert b.process is not None
        known = (
            a.process.state.peers[b.name].boot == b.process.boot
            and b.process.state.peers[a.name].boot == a.process.boot
        )
        return "one-way" if known else "unheard strangers"

    def _allowed(self, kind: str, what: str) -> float | None:
        timers, jitter_s = self.world.timers, self.world.network.jitter_s
        if kind.startswith("unheard") and not kind.endswith("EXCLUDED"):
            # A claim under way is withdrawn; dhcpd's guard looks twice a second.
            return 2 * GUARD_S if what not in {group.name for group in self.world.groups} else UNHEARD_S
        if kind == "clear" and self._calm():
            return 0.0
        if kind == "husk":
            return timers.lease_s + 1.2 + SLACK_S + 0.5
        if kind == "clear":
            return timers.deadtime_s + SLACK_S + jitter_s
        if kind == "one-way":
            return 2 * timers.deadtime_s + SLACK_S + 2 * jitter_s
        return None

    def _calm(self) -> bool:
        """Nothing that may cost a moment of double holding has happened for a while."""
        world = self.world
        timers = world.timers
        wait_s = timers.lease_s + 1.2 + 2 * timers.deadtime_s + 4 * SLACK_S
        return world.network.loss == 0.0 and world.now > world.shaken_at + wait_s

    def _served(self, group: str) -> None:
        """Somebody has the group, soon after the last thing that was done to the cluster."""
        world = self.world
        servers = world.servers.values()
        if any(group in one.kernel.addresses and one.runs for one in servers) or not any(
            one.awake and self.takes_part(one) for one in servers
        ):
            self.orphans.pop(group, None)
            return
        since = max(self.orphans.setdefault(group, world.now), world.touched_at)
        timers = world.timers
        allowed_s = timers.initdead_s + timers.deadtime_s + timers.lease_s + 1.2 + 3.0
        if world.now > since + allowed_s:
            raise Broken(f"nobody holds {group} for {world.now - since:.2f} s")

    # At rest -------------------------------------------------------------------------------------

    def settle_s(self) -> float:
        """After that long without a fault everything has its place again."""
        timers = self.world.timers
        held_down = [
            hold.steady_s(one, server.process.state.now, timers.failback_delay_s)
            for server in self.world.servers.values() if server.process is not None
            for one in server.process.state.holds.values()
        ]
        return (
            timers.initdead_s + timers.failback_delay_s + timers.lease_s + 1.2 + 2 * timers.deadtime_s + 4.0
            + max(held_down, default=0.0)
        )

    def at_rest(self) -> None:
        """Everything is healed and settled: all hear each other, one holder each, the first of the order
        (any fit one with manual failback), dhcpd with it and nowhere else."""
        world = self.world
        for one in world.servers.values():
            for peer in one.process.state.peers.values() if one.awake and one.process is not None else ():
                if world.servers[peer.name].awake and not peer.alive:
                    raise Broken(f"{one.name} does not hear {peer.name} at rest")
        for group in world.groups:
            fit = [
                name for name in group.order
                if world.servers[name].awake and self.takes_part(world.servers[name])
            ]
            holders = [one.name for one in world.servers.values() if group.name in one.addresses]
            moved_by_hand = world.failback is Failback.MANUAL
            if holders not in ([[name] for name in fit] if moved_by_hand and fit else [fit[:1]]):
                raise Broken(f"{group.name} is on {holders or 'nobody'} at rest; its place is on {fit[:1]}")
            for service in group.services:
                running = [one.name for one in world.servers.values() if one.engine.running[service]]
                if running != holders:
                    raise Broken(f"{service} is on {running or 'nobody'} at rest, {group.name} on {holders}")

    def takes_part(self, server: Server) -> bool:
        assert server.process is not None
        return not server.process.state.standby and server.process.state.phase is not Phase.LEAVING

    def settle(self) -> None:
        """Within settle_s everything is at rest; no longer is waited than it takes.

        But until a death that came last is known: before, all may look well.
        """
        end = self.world.now + self.settle_s()
        self.world.run_for(self.world.timers.deadtime_s)
        while self.world.now < end:
            self.world.run_for(0.4)
            try:
                self.at_rest()
            except Broken:
                continue
            return
        self.at_rest()

    def steady(self, seconds: float) -> None:
        """Nothing happens to the cluster, and it does nothing: no group moves on a steady network."""
        before = len(self.world.changes)
        self.world.run_for(seconds)
        changes = self.world.changes[before:]
        if changes:
            raise Broken(f"groups move on a steady network: {changes}")
        self.at_rest()
