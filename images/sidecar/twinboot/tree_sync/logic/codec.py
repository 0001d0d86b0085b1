"""What servers and containers tell each other of trees: values to JSON values and back.

Between servers: Told, by authenticated replication. Between the sidecar and the process on one server: the
sidecar's World, and the process's Report. What a newer release adds is skipped, what an older one lacks is as
by default. What makes no sense is left out: a tree that is left out is one that nobody fetches.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from .model import Peer, Progress, Removal, Settings, Tree, TreesStatus, World

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_TREES_MAX, _REMOVED_MAX, _REPLACES_MAX, _TEXT_MAX = 1000, 500, 64, 500


@dataclass(frozen=True, slots=True)
class Altered:
    """What was found of a tree whose files were all read. count: files that are not as imported. paths: some
    of them. at: s since 1970."""

    at: float
    count: int = 0
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """What the process says of itself. told: for the other servers. faults: by tree. checked: by tree.
    reading: the tree that is being read, bytes read, and its size."""

    told: TreesStatus = field(default_factory=TreesStatus)
    faults: Mapping[str, str] = field(default_factory=dict)
    checked: Mapping[str, Altered] = field(default_factory=dict)
    reading: tuple[str, int, int] | None = None


# Told -----------------------------------------------------------------------------------------------


def told_document(told: TreesStatus) -> dict[str, Any]:
    return {
        "trees": {name: asdict(tree) for name, tree in told.trees.items()},
        "removed": [asdict(one) for one in told.removed],
        "copies": {name: asdict(one) for name, one in told.copies.items()},
    }


def told_of(document: object) -> TreesStatus | None:
    """What a peer told; None: nothing that this release understands."""
    if not isinstance(document, Mapping):
        return None
    trees = [(name, tree) for name, value in _items(document.get("trees"), _TREES_MAX)
             if (tree := _tree(value)) is not None]
    removed = document.get("removed")
    copies = [(name, one) for name, value in _items(document.get("copies"), _TREES_MAX)
              if (one := _progress(value)) is not None]
    removals = map(_removal, removed[-_REMOVED_MAX:]) if isinstance(removed, list) else ()
    return TreesStatus(dict(trees), tuple(one for one in removals if one is not None), dict(copies))


def _items(value: object, most: int) -> list[tuple[str, object]]:
    if not isinstance(value, Mapping):
        return []
    sound = [(key, one) for key, one in value.items() if isinstance(key, str) and NAME.fullmatch(key)]
    return sound[:most]


def _tree(value: object) -> Tree | None:
    if not isinstance(value, Mapping):
        return None
    digest, contents = _digest(value.get("digest")), _digest(value.get("contents"))
    if not digest or not contents:
        return None
    size, files = _count(value.get("size")), _count(value.get("files"))
    altered = _count(value.get("altered"))
    return Tree(digest, contents, size, files, _digests(value.get("replaces")), altered)


def _removal(value: object) -> Removal | None:
    if not isinstance(value, Mapping) or not isinstance(value.get("name"), str):
        return None
    name, digests = value["name"], _digests(value.get("digests"))
    if not NAME.fullmatch(name) or not digests:
        return None
    return Removal(name, digests, _digest(value.get("contents")), value.get("everywhere") is True,
                   _digests(value.get("replaced")))


def _progress(value: object) -> Progress | None:
    if not isinstance(value, Mapping):
        return None
    left = value.get("left_s")
    left_s = float(left) if isinstance(left, int | float) and 0 <= left < 1e9 else None
    return Progress(_text(value.get("source")), _count(value.get("done")), _count(value.get("size")), left_s)


# Between the containers -----------------------------------------------------------------------------


def world_document(world: World) -> dict[str, Any]:
    """told of the peers: documents already, as they have come, under the key "told"."""
    return {
        "peers": {
            name: {"alive": peer.alive, "routes": list(peer.routes),
                   "told": None if peer.told is None else told_document(peer.told)}
            for name, peer in world.peers.items()
        },
        "used": sorted(world.used), "settings": asdict(world.settings), "busy": world.busy,
    }  # fmt: skip


def world_of(document: object) -> World:
    """ValueError: it is none."""
    try:
        assert isinstance(document, Mapping)
        peers = {
            str(name): Peer(one["alive"] is True, tuple(map(str, one["routes"])), told_of(one.get("told")))
            for name, one in document["peers"].items()
        }
        said = document["settings"]
        settings = Settings(said["enabled"] is True, float(said["fetch_rate"]), float(said["check_every_s"]),
                            float(said["check_rate"]))
        return World(peers, frozenset(map(str, document["used"])), settings, int(document["busy"]))
    except (AssertionError, KeyError, TypeError, AttributeError) as exc:
        raise ValueError(f"no news of the other servers: {exc}") from exc


def report_document(report: Report) -> dict[str, Any]:
    return {
        "told": told_document(report.told), "faults": dict(report.faults),
        "checked": {name: asdict(one) for name, one in report.checked.items()},
        "reading": report.reading,
    }


def report_of(document: object) -> Report:
    """ValueError: it is none."""
    told = told_of(document.get("told")) if isinstance(document, Mapping) else None
    if told is None:
        raise ValueError("no report of the trees")
    assert isinstance(document, Mapping)
    faults = {name: _text(value) for name, value in _items(document.get("faults"), _TREES_MAX)}
    checked = {name: _altered(value) for name, value in _items(document.get("checked"), _TREES_MAX)}
    return Report(told, faults, checked, _reading(document.get("reading")))


def _reading(value: object) -> tuple[str, int, int] | None:
    if not isinstance(value, list | tuple) or len(value) != 3:
        return None
    name, done, size = value
    return _text(name), _count(done), _count(size)


def _altered(value: object) -> Altered:
    said = value if isinstance(value, Mapping) else {}
    at, paths = said.get("at"), said.get("paths")
    shown = tuple(map(_text, paths)) if isinstance(paths, list | tuple) else ()
    return Altered(float(at) if isinstance(at, int | float) else 0.0, _count(said.get("count")), shown)


# Values ---------------------------------------------------------------------------------------------


def _digest(value: object) -> str:
    return value if isinstance(value, str) and _DIGEST.fullmatch(value) else ""


def _digests(value: object) -> tuple[str, ...]:
    listed = value[:_REPLACES_MAX] if isinstance(value, list | tuple) else ()
    return tuple(one for one in map(_digest, listed) if one)


def _count(value: object) -> int:
    return value if type(value) is int and 0 <= value < 1 << 60 else 0


def _text(value: object) -> str:
    text = value if isinstance(value, str) else ""
    return "".join(c if c.isprintable() else " " for c in text)[:_TEXT_MAX]
