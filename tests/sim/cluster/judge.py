"""The judge: checks the cluster's invariants, as clients see them, after every event.

It sees the world from outside: which server answers for an address in which partition of the LAN, and which
serves DHCP. A server's own effects are checked in acts.py. Raises InvariantViolation.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from twinboot.core.effects import Effect
from twinboot.core.model import GroupState
from twinboot.core.state import State

from . import acts, asking
from .acts import InvariantViolation
from .announcing import Announcing
from .rest import could_hold, takes_part

if TYPE_CHECKING:
    from .host import Server
    from .world import World

__all__ = ["InvariantViolation", "Judge"]

SLACK_S = 0.5
GUARD_S = 0.5
JOINED_S = 1.0
UNHEARD_S = 0.05
CONFLICT_S = 1.5
NAMED_S = 2.0
TOLD_S = 8.0
"""What the LAN alone tells of two that serve is acted on within this time: they ask every 5 s."""
REPAIR_S = 10.0
FLAP_WINDOW_S = 60.0
FLAPS = 4


class Judge:
    def __init__(self, world: World) -> None:
        self.world = world
        self.dual_holders: dict[tuple[str, str, str], tuple[str, float]] = {}
        self.could_have_probed: dict[tuple[str, str, str], bool] = {}
        """By dual holding: it began without heartbeats between the two, while the LAN connected them, so an
        ARP probe could have prevented it."""
        self.on_lan: dict[str, tuple[int, float]] = {}
        """Server that the LAN reaches -> its partition, and since when."""
        self.unheld: dict[str, float] = {}
        """Group that nobody holds -> since when."""
        self.unserved: dict[str, float] = {}
        """Group that no client reaches though a healthy server exists -> since when."""
        self.claimed: dict[tuple[str, str, str], float] = {}
        """By dual holding without heartbeats: when one announced the address and the other heard it."""
        self.isolated_since: dict[str, float] = {}
        """Server with an address, without a carrier and without a peer that it hears -> since when."""
        self.unrepaired: dict[tuple[str, str], float] = {}
        """Daemon that a restart would repair -> since when."""
        self.window = (0.0, 0)
        self.announcing = Announcing()

    @property
    def violation_pending(self) -> bool:
        """A state that is allowed for a bounded time only is present."""
        return bool(
            self.dual_holders or self.unheld or self.unserved or self.isolated_since
            or self.world.foreign_hosts
        )

    # While it runs -------------------------------------------------------------------------------

    def stepped(self, server: Server, before: State, effects: tuple[Effect, ...]) -> None:
        acts.check(server, before, effects)
        asking.check_death(server, effects)
        self.announcing.check(server, effects)
        self.no_spinning(server)

    def no_spinning(self, server: Server) -> None:
        """The steps per second are bounded by what the servers send each other."""
        since, count = self.window
        now = self.world.now
        if now >= since + 1.0:
            self.window = (now, 1)
            return
        self.window = (since, count + 1)
        servers = len(self.world.servers)
        if count > 600 * servers * servers:
            raise InvariantViolation(f"{server.name}: {count} steps in a second")

    def moved(self, change: tuple[float, str, str, str]) -> None:
        """No flapping: within a minute a server claims a group at most FLAPS times, plus once for each act
        other than LAN and daemon faults (verbs.HEALTH), however often those faults come and go.
        """
        now, server, what, group = change
        world = self.world
        if world.must_not_move:
            raise InvariantViolation(
                f"{server}: {what} {group}, though nothing that was done should move anything"
            )
        if what != "group-claimed":
            return
        since = now - FLAP_WINDOW_S
        claims = sum(
            at >= since and who == server and did == what and which == group
            for at, who, did, which in world.changes
        )
        if claims > FLAPS + sum(at >= since for at in world.move_causes):
            raise InvariantViolation(
                f"{group} flaps: {server} claimed it {claims} times in {FLAP_WINDOW_S:.0f} s"
            )

    def look(self) -> None:
        """Check the clients' view at this moment."""
        world = self.world
        world.changed = False
        for one in world.servers.values():
            if not one.reachable():
                self.on_lan.pop(one.name, None)
            elif self.on_lan.get(one.name, (None,))[0] != one.plug.partition:
                self.on_lan[one.name] = (one.plug.partition, world.now)
            self._isolated(one)
            self._named(one)
        for address in world.addresses():
            what = world.label(address)
            self._single(what, [one for one in world.servers.values() if one.answers(address)])
            self._held(what, address)
            if not world.sites_differ:
                self._served(what, address)
        for service in sorted(world.services):
            self._single(service, [one for one in world.servers.values() if one.serves(service)])

    def _named(self, one: Server) -> None:
        """A holder knows, soon, of another host that answers for its address, announced or not."""
        world = self.world
        since = max(self.on_lan.get(one.name, (0, world.now))[1], world.foreign_host_since, world.acted_at)
        if (
            not world.foreign_hosts or not one.awake or one.plug.partition or world.arp_loss
            or world.now < since + NAMED_S
        ):
            return
        assert one.process is not None
        for group in one.process.state.groups.values():
            known = group.conflict is not None and group.conflict.shown
            held_for_s = one.process.clock() - group.since
            if (
                group.state is GroupState.HELD and group.config.address in world.foreign_hosts and not known
                and held_for_s > NAMED_S
            ):
                raise InvariantViolation(f"{one.name} does not know who else answers for {group.name}")

    def _single(self, what: str, holders: list[Server]) -> None:
        """Clients in one partition of the LAN never reach two holders of one address, nor two dhcpd.

        Dual holding that cannot be detected at once may last for a bounded time, by the kind of pair: see
        _kind and _allowed. Each partition of the LAN may have a holder of its own.
        """
        if len(holders) < 2 and not self.dual_holders:
            return
        pairs = {
            (what, a.name, b.name): self._kind(a, b)
            for a, b in combinations(holders, 2) if a.plug.partition == b.plug.partition
        }
        for key in [key for key in self.dual_holders if key[0] == what and key not in pairs]:
            del self.dual_holders[key], self.could_have_probed[key]
            self.claimed.pop(key, None)
        for key, kind in pairs.items():
            old, since = self.dual_holders.get(key, ("", 0.0))
            kind = self._unheard(key, kind)
            if old != kind:
                since = self.world.now
                self.dual_holders[key] = (kind, since)
            if self.world.now > self.claimed.get(key, self.world.now) + CONFLICT_S:
                raise InvariantViolation(
                    f"{key[1]} and {key[2]} keep {what} though the LAN has told them of each other"
                )
            lasted = self.world.now - since
            allowed = self._allowed(kind, what)
            if allowed is None and what in self.world.services and self._told_by_the_lan(key[1], key[2]):
                allowed = TOLD_S
            if allowed is not None and (lasted > allowed or allowed == 0.0):
                raise InvariantViolation(
                    f"{what} is on {key[1]} and {key[2]} for {lasted:.2f} s ({kind}: at most {allowed:.2f} s)"
                )

    def announced(self, server: Server, group: str) -> None:
        """Dual holding without heartbeats: an announcement that the other holder hears starts CONFLICT_S."""
        group = self.world.label(server.address_of(group))
        for key, (kind, _) in self.dual_holders.items():
            if key[0] != group or server.name not in key or not kind.startswith("unheard"):
                continue
            a, b = (self.world.servers[name] for name in key[1:])
            if a.kernel.drops_fail or b.kernel.drops_fail or not (self._silent(a, b) and self._silent(b, a)):
                continue
            self.claimed.setdefault(key, self.world.now)

    def _silent(self, one: Server, other: Server) -> bool:
        """Whether `one` knows the other's MAC address and counts it as not alive."""
        if one.process is None:
            return False
        peer = one.process.state.peers.get(other.name)
        return peer is not None and bool(peer.mac) and not peer.alive and one.awake

    def repairs(self, server: Server) -> None:
        """A daemon that a restart would repair is restarted within REPAIR_S, if the engine works."""
        engine, now = server.engine, self.world.now
        for name in server.config.daemons:
            key, daemon = (server.name, name), engine.daemons[name]
            if (
                not daemon.failing
                or daemon.restart_resistant
                or engine.hangs
                or engine.fails
                or engine.slow_s > 1.0
            ):
                self.unrepaired.pop(key, None)
            elif now > max(self.unrepaired.setdefault(key, now), self.world.acted_at) + REPAIR_S:
                raise InvariantViolation(f"{server.name} does not repair {name}")

    def _isolated(self, one: Server) -> None:
        """Without a carrier and without a peer that is heard, nothing is held: when the carrier is back,
        another server on the LAN may hold it."""
        peers = (other for other in self.world.servers.values() if other is not one)
        if (
            not one.addresses or not one.awake or one.plug.cable or one.kernel.drops_fail
            or any(other.awake and self.world.connected(other.name, one.name) for other in peers)
        ):
            self.isolated_since.pop(one.name, None)
            return
        since = self.isolated_since.setdefault(one.name, self.world.now)
        timers = self.world.timers
        limit_s = 2 * timers.deadtime_s + timers.address_lifetime_s + SLACK_S + 1.0
        if self.world.now > since + limit_s and len(self.world.servers) > 1:
            raise InvariantViolation(
                f"{one.name} keeps {', '.join(one.addresses)} though it is cut off from all"
            )

    def _unheard(self, key: tuple[str, str, str], kind: str) -> str:
        """The kind of an unheard pair, marked EXCLUDED when an ARP probe could not have prevented it.

        So it is when the LAN joined, or a cut separated, two that already held the same.
        """
        _, a, b = key
        if key not in self.could_have_probed:
            self.could_have_probed[key] = (
                kind.startswith("unheard") and self._joined(a, b) and self.world.arp_loss == 0.0
                and not self._starts_apart(key)
            )
        return f"{kind}, EXCLUDED" if kind.startswith("unheard") and not self.could_have_probed[key] else kind

    def _starts_apart(self, key: tuple[str, str, str]) -> bool:
        """A service that two servers run with two addresses, by two site files: both may have started it
        at the same moment, or while an engine was slow."""
        what, a, b = key
        return what in self.world.services and self._other_addresses(a, b)

    def _other_addresses(self, a: str, b: str) -> bool:
        one, other = (set(self.world.servers[name].addresses) for name in (a, b))
        return not one & other

    def _told_by_the_lan(self, a: str, b: str) -> bool:
        """Whether each can learn from the LAN that the other serves, and end its own service."""
        engines = [self.world.servers[name].engine for name in (a, b)]
        return (
            self.world.arp_loss == 0.0 and self.world.now > self.world.disrupted_at + TOLD_S
            and not any(one.hangs or one.fails or one.slow_s > 1.0 for one in engines)
        )

    def _joined(self, a: str, b: str) -> bool:
        """Whether the LAN has connected the two for longer than a claim takes."""
        nowhere = (0, self.world.now)
        since = max(self.on_lan.get(a, nowhere)[1], self.on_lan.get(b, nowhere)[1])
        return self.world.now > since + JOINED_S

    def _kind(self, a: Server, b: Server) -> str:
        """The kind of a pair of holders, which determines how long dual holding may last.

        no-sidecar  a sidecar is dead or frozen: the kernel lifetime of the address ends it
        clear       they hear each other
        one-way     one hears the other
        unheard     no heartbeat can reveal it (all links cut, or heard one way by a peer that has not
                    accepted the boot): an ARP probe must have kept the second from claiming
        """
        if not a.awake or not b.awake:
            return "no-sidecar"
        ways = self.world.connected(a.name, b.name), self.world.connected(b.name, a.name)
        if all(ways):
            return "clear"
        if not any(ways):
            return "unheard"
        assert a.process is not None
        assert b.process is not None
        known = self._knows(a, b) and self._knows(b, a)
        return "one-way" if known else "unheard unknown servers"

    @staticmethod
    def _knows(one: Server, other: Server) -> bool:
        assert one.process is not None
        assert other.process is not None
        peer = one.process.state.peers.get(other.name)
        return peer is not None and peer.boot_id == other.process.boot_id

    def _allowed(self, kind: str, what: str) -> float | None:
        timers, jitter_s = self.world.timers, self.world.network.jitter_s
        if kind.startswith("unheard") and not kind.endswith("EXCLUDED"):
            # A claim in progress is withdrawn; dhcpd's guard checks twice a second.
            return 2 * GUARD_S if what in self.world.services else UNHEARD_S
        if kind == "clear" and self._undisturbed():
            return 0.0
        if kind == "no-sidecar":
            return timers.address_lifetime_s + 1.2 + SLACK_S + 0.5
        if kind == "clear":
            return timers.deadtime_s + SLACK_S + jitter_s
        if kind == "one-way":
            return 2 * timers.deadtime_s + SLACK_S + 2 * jitter_s
        return None

    def _undisturbed(self) -> bool:
        """Whether no act that may cause dual holding for a moment has happened lately."""
        world = self.world
        timers = world.timers
        wait_s = timers.address_lifetime_s + 1.2 + 2 * timers.deadtime_s + 4 * SLACK_S
        return world.network.loss == world.arp_loss == 0.0 and world.now > world.disrupted_at + wait_s

    def _held(self, group: str, address: str) -> None:
        """The group has a holder within a bounded time after the last act, whoever's site file has it.

        Not if the files differ and a server that is to hold it by its own cannot be reached by the others.
        """
        world = self.world
        servers = world.servers.values()
        if any(address in one.kernel.addresses and one.runs for one in servers) or not any(
            one.awake and takes_part(one) and could_hold(one, address) for one in servers
        ):
            self.unheld.pop(group, None)
            return
        since = max(self.unheld.setdefault(group, world.now), world.acted_at)
        if world.now > since + self._takeover_limit_s():
            raise InvariantViolation(f"nobody holds {group} for {world.now - since:.2f} s")

    def _served(self, group: str, address: str) -> None:
        """While a healthy server exists, a server that clients reach holds the group within a bounded time
        after the last act."""
        world = self.world
        servers = world.servers.values()
        holders = [one for one in servers if address in one.kernel.addresses and one.runs]
        if any(one.plug.whole for one in holders) or not any(
            self._could_serve(one, holders) for one in servers
        ):
            self.unserved.pop(group, None)
            return
        since = max(self.unserved.setdefault(group, world.now), world.acted_at)
        if world.now > since + self._takeover_limit_s() + 2 * world.timers.deadtime_s:
            raise InvariantViolation(f"clients do not reach {group} for {world.now - since:.2f} s")

    def _takeover_limit_s(self) -> float:
        timers = self.world.timers
        return timers.initdead_s + timers.deadtime_s + timers.address_lifetime_s + 1.2 + 3.0

    def _could_serve(self, one: Server, holders: list[Server]) -> bool:
        """Whether the server runs, takes part, is on the LAN, and exchanges heartbeats with the holders."""
        if not (one.awake and takes_part(one) and one.plug.whole and not one.kernel.claims_fail):
            return False
        return all(
            self.world.connected(one.name, other.name) and self.world.connected(other.name, one.name)
            for other in holders if other is not one and other.awake
        )
