"""Which trees were removed here on purpose, so that they are not fetched again from servers that have them.

Owns the file .twinboot/removed: a line of JSON for each, the newest last. It names trees by the digests of
their manifests, so a later import of the same medium is another tree.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace

from .tree_store import TreeStore, sync_folder

_LOCK = ".removed"
_MOST = 500


@dataclass(frozen=True, slots=True)
class Removed:
    """digests: of its manifests. contents: what they say of its files. everywhere: the other servers are to
    remove it, too. at: s since 1970, by this server's clock. replaced: as
    Manifest.replaces. widened: the other servers' imports of the same are among the digests.
    """

    name: str
    digests: tuple[str, ...]
    contents: str
    everywhere: bool
    at: int
    replaced: tuple[str, ...] = ()
    widened: bool = False


def read(place: TreeStore) -> tuple[Removed, ...]:
    """The oldest first. What cannot be read is skipped: a tree too many is better than one too few."""
    try:
        lines = (place.work / "removed").read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError):
        return ()
    found = []
    for line in lines:
        try:
            row = json.loads(line)
            found.append(Removed(str(row["name"]), tuple(map(str, row["digests"])), str(row["contents"]),
                                 bool(row["everywhere"]), int(row["at"]),
                                 tuple(map(str, row.get("replaced", ()))),
                                 row.get("widened") is True))  # fmt: skip
        except (ValueError, TypeError, KeyError):
            continue
    return tuple(found)


def note(place: TreeStore, removed: Removed) -> None:
    """Notes a removal: from now on the tree is not fetched. BusyError, OSError."""
    _change(place, lambda there: [*(one for one in there if not _same(one, removed)),
                                  _both(removed, [one for one in there if _same(one, removed)])])


def forget(place: TreeStore, name: str) -> tuple[Removed, ...]:
    """A tree of this name may be fetched again: what was removed here alone. What was forgotten."""
    gone = tuple(one for one in read(place) if one.name == name and not one.everywhere)
    if gone:
        _change(place, lambda there: [one for one in there if one not in gone])
    return gone


def _same(one: Removed, other: Removed) -> bool:
    return (one.name, one.contents) == (other.name, other.contents) and bool(
        set(one.digests) & set(other.digests))


def _both(new: Removed, old: Iterable[Removed]) -> Removed:
    """What is known of one removal; once everywhere is everywhere."""
    known = [new, *old]
    digests = dict.fromkeys(digest for one in known for digest in one.digests)
    return replace(new, digests=tuple(digests), everywhere=any(one.everywhere for one in known),
                   widened=any(one.widened for one in known))


def _change(place: TreeStore, change: Callable[[tuple[Removed, ...]], list[Removed]]) -> None:
    with place.locked(_LOCK):
        rows = change(read(place))[-_MOST:]
        part = place.work / "removed.part"
        with part.open("w", encoding="ascii") as file:
            file.writelines(f"{json.dumps(asdict(one))}\n" for one in rows)
            file.flush()
            os.fsync(file.fileno())
        part.replace(place.work / "removed")
        sync_folder(place.work)
