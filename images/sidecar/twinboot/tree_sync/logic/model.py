"""Trees, servers and settings as values.

A tree is known by two digests. `digest` is of its manifest's text: of one import. `contents` is of all files
and links: equal for trees that hold the same, whoever has imported them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Tree:
    """A published tree with a manifest. size in bytes. replaces: digest and contents of those whose place it
    took. altered: files that are known not to be as the manifest says: nobody fetches it from there."""

    digest: str
    contents: str
    size: int = 0
    files: int = 0
    replaces: tuple[str, ...] = ()
    altered: int = 0


@dataclass(frozen=True, slots=True)
class Removal:
    """A tree that was removed on purpose. everywhere: all servers are to remove it. replaced: as
    Tree.replaces. widened: it names the other servers' imports of the same, too."""

    name: str
    digests: tuple[str, ...]
    contents: str = ""
    everywhere: bool = False
    replaced: tuple[str, ...] = ()
    widened: bool = True


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a tree is that is being fetched. source: the server; empty: none, it was begun and waits. done,
    size in bytes; left_s: None: not known."""

    source: str
    done: int
    size: int
    left_s: float | None = None


@dataclass(frozen=True, slots=True)
class TreesStatus:
    """What a server tells the others: its trees by name, what was removed, what it fetches."""

    trees: Mapping[str, Tree] = field(default_factory=dict)
    removed: tuple[Removal, ...] = ()
    copies: Mapping[str, Progress] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Peer:
    """Another server. routes: its addresses, the best way first. told: None: nothing was heard of it yet."""

    alive: bool
    routes: tuple[str, ...]
    told: TreesStatus | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """As the site says. fetch_rate, check_rate: bytes a second, 0: no limit. check_every_s: 0: never."""

    enabled: bool = True
    fetch_rate: float = 0.0
    check_every_s: float = 0.0
    check_rate: float = 0.0


@dataclass(frozen=True, slots=True)
class World:
    """What the sidecar says. used: folders of trees that the site in use names. busy: downloads that clients
    of this server have running."""

    peers: Mapping[str, Peer] = field(default_factory=dict)
    used: frozenset[str] = frozenset()
    settings: Settings = Settings()
    busy: int = 0


@dataclass(frozen=True, slots=True)
class Own:
    """What is on this server's disk. trees: by name; None: a folder that has no manifest, or none that is
    worth something. staged: digest of what was begun to be fetched."""

    trees: Mapping[str, Tree | None] = field(default_factory=dict)
    removed: tuple[Removal, ...] = ()
    staged: Mapping[str, str] = field(default_factory=dict)
