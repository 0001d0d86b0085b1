"""Mirror lists: package repositories at several addresses, and the published files that list them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...planning.plan import Install, SitePlan


@dataclass(frozen=True, slots=True)
class MirrorList:
    """A package repository that is at several addresses, and the published file that lists them."""

    name: str
    path: str  # of that file
    urls: tuple[str, ...]


def mirror_lists(plan: SitePlan, install: Install) -> tuple[MirrorList, ...]:
    """The repositories of the install's tree, when there are addresses to choose from."""
    if not install.mirrors:
        return ()
    tree = plan.site.profiles[install.profile].tree
    found = []
    for path in plan.repositories(tree):
        name = path.rpartition("/")[2]
        file = f"{tree}-{install.method}-{install.authority}-{path.replace('/', '-')}"
        found.append(MirrorList(name, f"ks/mirrors/{file}", tuple(install.urls(f"trees/{path}/"))))
    return tuple(found) if len({one.name for one in found}) == len(found) else ()
