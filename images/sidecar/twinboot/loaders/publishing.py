"""What the boot loaders of a site publish together: every path once. Pure.

Owns the putting together, and the fault where two kinds do not agree; what each publishes is its kind's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..site.faults import Fault, SiteError
from .decision import loaders_in_use

if TYPE_CHECKING:
    from ..planning.plan import SitePlan
    from .base import BootLoader, Fill

Told = tuple[object, ...]
"""What clients get at a path: a text, a file from elsewhere, or a host's own by way of one kind."""


@dataclass(frozen=True, slots=True)
class Published:
    """Files by path below the published folder. texts: those that are written. copies: those that come from
    elsewhere. own: of texts those that are one host's and may give way to the loader's disk_file(): the names
    of host and loader."""

    texts: dict[str, str] = field(default_factory=dict)
    copies: dict[str, str] = field(default_factory=dict)
    own: dict[str, tuple[str, str]] = field(default_factory=dict)

    def contents(self) -> Iterator[tuple[str, Told]]:
        """What is published at each path; no two kinds may tell different things at one."""
        yield from ((path, self.own.get(path) or (text,)) for path, text in self.texts.items())
        yield from ((path, ("copy of", "", source)) for path, source in self.copies.items())


def published(plan: SitePlan, fill: Fill) -> Published:
    """The files of all loaders in use. SiteError where two of them publish one path with different
    content."""
    found, wrong = Published(), list[Fault]()
    owners: dict[str, tuple[str, Told]] = {}
    for loader in loaders_in_use(plan.site):
        own = _of(loader, plan, fill)
        wrong += _clashes(loader.name, own, owners)
        found.texts.update(own.texts)
        found.copies.update(own.copies)
        found.own.update(own.own)
    if wrong:
        raise SiteError(wrong)
    return found


def _of(loader: BootLoader, plan: SitePlan, fill: Fill) -> Published:
    texts = dict(loader.files(plan, fill))
    machines = plan.machines if loader.disk_file(plan, fill) else ()
    own = {
        path: (machine.name, loader.name)
        for machine in machines for path in loader.files_of(machine) if path in texts
    }  # fmt: skip
    return Published(texts, dict(loader.copies(plan)), own)


def _clashes(name: str, own: Published, owners: dict[str, tuple[str, Told]]) -> Iterator[Fault]:
    """One fault for each other kind, with the first path. owners: by path who tells what there; grows."""
    clashes: dict[str, list[str]] = {}
    for path, told in own.contents():
        owner, before = owners.setdefault(path, (name, told))
        if before != told:
            clashes.setdefault(owner, []).append(path)
    for other, paths in clashes.items():
        more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
        yield Fault(
            "boot", min(paths), f"the boot loaders {other} and {name} publish this file{more}, each with "
            "content of its own; choose only one of them below boot"
        )  # fmt: skip
