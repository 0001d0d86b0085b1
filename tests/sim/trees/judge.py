"""What must never be, whatever happens; and what must be when all is well again."""

from __future__ import annotations

from dataclasses import dataclass, field

from .world import Cluster, Server, Version


class Violation(AssertionError):
    """An invariant does not hold."""


@dataclass
class Judge:
    """Looks after each tick. asked: (server, digest) of trees that an operator has removed there; everywhere:
    digests that were removed everywhere; rotten: (server, name) of trees that somebody has spoilt."""

    cluster: Cluster
    asked: set[tuple[str, str]] = field(default_factory=set)
    everywhere: set[str] = field(default_factory=set)
    rotten: set[tuple[str, str]] = field(default_factory=set)
    _before: dict[str, dict[str, Version]] = field(default_factory=dict)

    def look(self) -> None:
        for server in self.cluster.servers.values():
            now = {name: version for name, (version, _) in server.disk.published.items()}
            for name, version in now.items():
                self._whole(server, name, version)
            for name, old in self._before.get(server.name, {}).items():
                self._not_lost(server, name, old, now.get(name))
            for name, version in now.items():
                before = self._before.get(server.name, {}).get(name)
                if before is not version and (server.name, version.tree.digest) in self.asked:
                    raise Violation(f"{server.name}: {name} was removed here, and is back")
            self._before[server.name] = now

    def _whole(self, server: Server, name: str, version: Version) -> None:
        files = server.disk.published[name][1]
        if files != version.files and (server.name, name) not in self.rotten:
            raise Violation(f"{server.name}: half a tree {name} was published, or another one")

    def _not_lost(self, server: Server, name: str, old: Version, new: Version | None) -> None:
        if new is old or (server.name, old.tree.digest) in self.asked or old.tree.digest in self.everywhere:
            return
        if new is None:
            raise Violation(f"{server.name}: {name} is lost")
        if old.tree.contents not in new.tree.replaces and old.tree.contents != new.tree.contents:
            raise Violation(f"{server.name}: {name} was fetched over by another one")

    def at_rest(self, latest: dict[str, Version]) -> None:
        """latest: by name, what every server should have by now, unless it was removed there."""
        for server in self.cluster.servers.values():
            for name, version in latest.items():
                there = server.disk.published.get(name)
                removed = {digest for one in server.disk.removed for digest in (*one.digests, *one.replaced)}
                offered = {one.disk.published[name][0].tree.digest for one in self.cluster.servers.values()
                           if name in one.disk.published}  # fmt: skip
                if (offered and offered <= removed) or (server.name, name) in self.rotten:
                    continue
                if there is None or there[0].tree.contents != version.tree.contents:
                    raise Violation(f"{server.name} does not have {name}: {server.faults}")
            held = {name for one in self.cluster.servers.values() for name in one.disk.published}
            left = [name for name in server.disk.staged if name in latest or name not in held]
            if left:
                raise Violation(f"{server.name}: {left} lies about unfinished")
