"""Which tree is read next and compared with its manifest, so that a file that rots or is edited is found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .model import Own, Settings


@dataclass(frozen=True, slots=True)
class Checked:
    """When all files of a tree were read last. digest: of its manifest then. at: s since 1970."""

    digest: str
    at: float


def due(
    own: Own, checked: Mapping[str, Checked], settings: Settings, wall_time: float
) -> tuple[str | None, float | None]:
    """The tree to read now: the one that has waited longest; and, if there is none, seconds until there is.

    A tree that was never read is due at once, and so is one that was read in the future: the clock was wrong
    then, or is now.
    """
    if settings.check_every_s <= 0:
        return None, None
    waited: dict[str, float] = {}
    for name, tree in own.trees.items():
        if tree is None:
            continue
        known = checked.get(name)
        known = known if known is not None and known.digest == tree.digest else None
        ago = wall_time - known.at if known is not None else None
        waited[name] = settings.check_every_s if ago is None or ago < 0 else ago
    if not waited:
        return None, None
    name = max(sorted(waited), key=lambda one: waited[one])
    left_s = settings.check_every_s - waited[name]
    return (name, None) if left_s <= 0 else (None, left_s)
