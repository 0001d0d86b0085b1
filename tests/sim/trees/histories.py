"""What operators, cables, disks and attackers do, drawn at random; then peace, and the judge."""

from __future__ import annotations

import random

from .judge import Judge
from .world import LINKS, Cluster, Server, Version

NAMES = ("el9", "debian", "suse")
PEACE_S = 1.5 * 3600.0
"""Longer than an address is distrusted."""


class History:
    """One run. Nobody in it makes two trees of one name that know nothing of each other."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)
        self.cluster = Cluster(self.draw.choice((2, 2, 3, 4)), self.draw)
        self.judge = Judge(self.cluster)
        self.latest: dict[str, Version] = {}
        self.acts: list[str] = []

    def play(self, acts: int = 25) -> None:
        cluster = self.cluster
        for _ in range(acts):
            cluster.kills = self.draw.choice((0.0, 0.05, 0.4))
            self._act()
            self.judge.look()
            for _ in range(self.draw.randint(0, 12)):
                cluster.tick(self.draw.choice((0.2, 1.0, 5.0)))
                self.judge.look()
        self.peace()

    def peace(self) -> None:
        cluster = self.cluster
        cluster.cut.clear()
        cluster.forging.clear()
        cluster.kills = 0.0
        for server in cluster.servers.values():
            server.up, server.disk.full = True, False
        while cluster.now < self._peace_until():
            cluster.tick(20.0)
            self.judge.look()
        healthy = {
            name: version for name, version in self.latest.items()
            if any(one.disk.published.get(name, (None,))[0] and self._sound(one, name, version)
                   for one in cluster.servers.values())
        }  # fmt: skip
        self.judge.at_rest(healthy)

    def _peace_until(self) -> float:
        self._began = getattr(self, "_began", self.cluster.now)
        return self._began + PEACE_S

    def _sound(self, server: Server, name: str, version: Version) -> bool:
        there = server.disk.published[name]
        return there[0].tree.contents == version.tree.contents and there[1] == dict(version.files)

    def _act(self) -> None:
        cluster, draw = self.cluster, self.draw
        server = draw.choice(list(cluster.servers.values()))
        other = draw.choice([one for one in cluster.servers.values() if one is not server])
        name, link = draw.choice(NAMES), draw.choice(LINKS)
        match draw.choice(("import", "import", "remove", "everywhere", "kill", "power", "cut", "forge", "rot",
                           "full")):
            case "import":
                self._import(server, name)
            case "remove" if name in server.disk.published and server.up:
                digest = server.disk.published[name][0].tree.digest
                cluster.removes(server, name, everywhere=False)
                self.judge.asked |= {(server.name, one) for one in (digest, *server.disk.removed[-1].digests)}
                self.judge.rotten.discard((server.name, name))
            case "everywhere" if name in server.disk.published and server.up:
                self._remove_everywhere(server, name)
            case "kill":
                cluster.kill(server)
            case "power":
                server.up = not server.up
                cluster.kill(server)
            case "cut":
                cluster.cut ^= {(frozenset((server.name, other.name)), link)}
            case "forge":
                cluster.forging ^= {link}
            case "rot" if name in server.disk.published:
                files = server.disk.published[name][1]
                files[next(iter(files))] = "rotten"
                self.judge.rotten.add((server.name, name))
            case "full":
                server.disk.full = not server.disk.full

    def _import(self, server: Server, name: str) -> None:
        """A new one where nobody has it or is about to; else in place of the latest."""
        holders = [one for one in self.cluster.servers.values() if name in one.disk.published]
        there = server.disk.published.get(name)
        latest = self.latest.get(name)
        if not server.up or (holders and (there is None or there[0] is not latest)):
            return
        before = [one for one in self.cluster.versions.values() if f"{name}/0" in one.files]
        like = self.draw.choice(before) if before and there is not None and self.draw.random() < 0.3 else None
        self.latest[name] = self.cluster.imports(server, name, like=like)
        self.judge.rotten.discard((server.name, name))

    def _remove_everywhere(self, server: Server, name: str) -> None:
        version = server.disk.published[name][0]
        if version is not self.latest.get(name):
            return
        self.cluster.removes(server, name, everywhere=True)
        self.judge.everywhere |= set(server.disk.removed[-1].digests)
        self.latest.pop(name)
