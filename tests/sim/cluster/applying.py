"""A site applied in the simulated cluster: every server's part of twinboot.rollout, with a disk and a check.

A site's text is the name of a variant (sites.py). What servers tell each other goes the way of their
heartbeats: it arrives when a link carries it. It begins with the first `apply`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from twinboot import rollout
from twinboot.agent.rollout import facts
from twinboot.core.model import ClusterConfig, GroupState
from twinboot.core.ownership import candidates
from twinboot.core.state import Phase
from twinboot.rollout.model import Check, Committed, Judge, Keep, Switch, Version
from twinboot.rollout.model import Phase as AttemptPhase
from twinboot.site.transition import timers_clash

from . import sites
from .acts import InvariantViolation

if TYPE_CHECKING:
    from .host import Server
    from .sidecar import Process
    from .world import World

LOOK_S = 0.2
TELL_S = 0.03
DISK_S = 0.02
CHECK_S = 0.4
SETTLED_LIMIT_S = 120.0


@dataclass
class Disk:
    """What a server keeps over its restarts."""

    committed: Committed
    seen: int = 0


class Part:
    """One process's part. Ends with the process."""

    def __init__(self, cluster: Applying, process: Process) -> None:
        self.cluster, self.process, self.server = cluster, process, process.server
        disk = cluster.disks[self.server.name]
        self.state = rollout.initial(self.server.name, disk.committed, self.working(), disk.seen)
        self.heard: dict[str, rollout.RolloutStatus] = {}

    def step(self, event: rollout.Event) -> None:
        if not self.process.lives:
            return
        self.state, effects = rollout.step(self.state, event, self.process.clock())
        world = self.cluster.world
        for effect in effects:
            match effect:
                case Check(proposal=proposal):
                    vote = rollout.Vote(proposal.version, proposal.proposer, self._faults(proposal))
                    world.at(world.now + CHECK_S, self._later, rollout.Checked(vote))
                case Keep(committed=committed, seen=seen):
                    world.at(world.now + DISK_S, self._keep, committed, seen)
                case Judge(committed=committed):
                    config = self.cluster.config_of(self.server.name, committed)
                    judged = rollout.Judged(committed.version, config == self.server.config, config.servers)
                    world.at(world.now + DISK_S, self._later, judged)
                case Switch(committed=committed):
                    world.note(self.server, f"site {committed.version.number} {committed.text}")
                    config = self.cluster.config_of(self.server.name, committed)
                    if self.server.name in config.servers:
                        self.server.set_site(config)
                    else:
                        self.server.leave_for_good()
                    world.sites_changed()

    def _faults(self, proposal: rollout.Proposal) -> tuple[str, ...]:
        if self.server.name in self.cluster.refusing:
            return ("a tree is missing",)
        old = self.server.config.timers
        new = self.cluster.config_of(self.server.name, Committed(proposal.version, proposal.text)).timers
        clash = timers_clash(old.interval_s, old.deadtime_s, new.interval_s, new.deadtime_s)
        return ("other timers",) if clash else ()

    def _later(self, event: rollout.Event) -> None:
        """What a thread has to say; one that is frozen says it afterwards."""
        if self.process.lives and not self.server.awake:
            self.cluster.world.at(self.cluster.world.now + LOOK_S, self._later, event)
        elif self.process.lives:
            self.step(event)

    def _keep(self, committed: Committed, seen: int) -> None:
        if not self.process.lives or not self.server.runs:
            return
        disk = self.cluster.disks[self.server.name]
        disk.committed, disk.seen = committed, max(disk.seen, seen)
        self.cluster.note_committed(committed)
        self._later(rollout.SiteKept(committed, seen))

    def look(self) -> None:
        """Hear the others, then decide."""
        world = self.cluster.world
        for other in self.cluster.parts.values():
            name = other.server.name
            if other is not self and other.process.lives and other.server.awake \
                    and world.connected(name, self.server.name):
                self.heard[name] = other.state.status
        self.step(self._facts())

    def working(self) -> Version:
        site = self.server.config.site
        process = self.server.process
        if process is not None and process.state.config.site is not None:
            site = process.state.config.site
        assert site is not None
        return Version(site.number, site.digest)

    def _facts(self) -> rollout.ClusterFacts:
        state = self.process.state
        held = [group for group in state.groups.values() if group.state is GroupState.HELD]
        peers = tuple(facts.peer_facts(peer, self.heard.get(peer.name)) for peer in state.peers.values())
        relieved = all(
            any(candidates.can_take(state, name, group) for name in state.peers)
            or not self._wanted(group.config.address) for group in held
        )
        return rollout.ClusterFacts(peers, self.working(), len(held), facts.is_settled(state), relieved)

    def _wanted(self, address: str) -> bool:
        config = self.cluster.config_of(self.server.name, self.state.committed)
        return any(one.address == address for one in config.groups)


class Applying:
    """All servers' parts, and what an operator asks for."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.base = dict(world.agreed)
        self.refusing: set[str] = set()
        self.disks = {
            name: Disk(Committed(_version(config), "agreed")) for name, config in world.agreed.items()
        }
        self.parts: dict[str, Part] = {}
        self.newest = next(iter(self.disks.values())).committed
        world.at(world.now, self._look)

    def config_of(self, server: str, committed: Committed) -> ClusterConfig:
        """The server's configuration by that site."""
        config = sites.VARIANTS[committed.text](self.base[server], self.base)
        assert config.site is not None
        version = committed.version
        return replace(config, site=replace(config.site, number=version.number, digest=version.digest))

    def start(self, server: Server) -> None:
        """A process starts: it works by what is on its disk."""
        config = self.config_of(server.name, self.disks[server.name].committed)
        if server.name not in config.servers:
            server.leave_for_good()
            return
        server.config = server.next_config = config
        self.world.sites_changed()

    def note_committed(self, committed: Committed) -> None:
        """Some disk has it: from now on it is what all are to work by."""
        if not committed.version.newer_than(self.newest.version):
            return
        self.newest = committed
        self.world.agreed = {name: self.config_of(name, committed) for name in self.base}
        self.world.groups = next(iter(self.world.agreed.values())).groups
        self.world.sites_changed()

    def apply(self, name: str, variant: str, without: tuple[str, ...]) -> str:
        """An operator's action; why it was refused, or empty."""
        part = self._part(self.world.servers[name])
        if part is None:
            return "no sidecar"
        part.look()
        digest = self._digest_of(variant)
        try:
            part.step(rollout.Propose(variant, digest, tuple(self.base), without))
        except rollout.Refused as exc:
            self.world.note(part.server, f"apply refused: {exc}")
            return str(exc)
        return ""

    def _digest_of(self, variant: str) -> bytes:
        # one site for all servers: the digest of the first one's configuration stands for it
        first = next(iter(self.base))
        site = sites.VARIANTS[variant](self.base[first], self.base).site
        assert site is not None
        return site.digest

    def _part(self, server: Server) -> Part | None:
        process = server.process
        if process is None or not server.awake:
            return None
        part = self.parts.get(server.name)
        if part is None or part.process is not process:
            part = self.parts[server.name] = Part(self, process)
        return part

    def _look(self) -> None:
        for server in self.world.servers.values():
            part = self._part(server)
            if part is not None:
                self.world.at(self.world.now + self.world.rng.random() * TELL_S, self._look_at, part)
        self.world.at(self.world.now + LOOK_S, self._look)

    def _look_at(self, part: Part) -> None:
        if part.process.lives and part.server.awake:
            part.look()

    def run_until_settled(self) -> None:
        """All that run end on one site: the newest that any disk has. Where only the disks of servers that
        are off have it, they are switched on: nobody else can know of it."""
        if not any(self._has_newest(server) for server in self.world.servers.values() if server.process):
            for server in self.world.servers.values():
                if self._has_newest(server):
                    server.power_on()
                    server.start()
        end, settled = self.world.now + SETTLED_LIMIT_S, 0
        while self.world.now < end:
            self.world.run_for(0.5)
            settled = 0 if self._unsettled() else settled + 1
            if settled == 3:
                return
        raise InvariantViolation(f"not on one site: {self._unsettled()}")

    def _has_newest(self, server: Server) -> bool:
        return self.disks[server.name].committed.version == self.newest.version

    def _unsettled(self) -> list[str]:
        wrong = []
        for name, server in self.world.servers.items():
            part = self._part(server)
            if part is None or part.process.state.phase is Phase.LEAVING:
                continue  # it is off, frozen or leaves; when it comes back is looked at again
            attempt = part.state.attempt
            if part.working() != self.newest.version:
                wrong.append(f"{name} works by {part.working().number}, not {self.newest.version.number}")
            elif attempt is not None and attempt.phase in (AttemptPhase.CHECKING, AttemptPhase.COMMITTING):
                wrong.append(f"{name} still proposes")
        return wrong


def _version(config: ClusterConfig) -> Version:
    assert config.site is not None
    return Version(config.site.number, config.site.digest)
