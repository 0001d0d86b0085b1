"""A configuration file for each machine, by every name by which a loader asks for it. Pure.

For loaders whose machines look for a file of their own, and to which neither group nor server matters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache, partial
from typing import TYPE_CHECKING

from ..site.model.boot import Unknown

if TYPE_CHECKING:
    from ..planning.plan import Install, Machine, SitePlan


def path_of(name: object, *, suffix: str) -> str:
    """Path of the file by this name, below the published folder."""
    return f"tftp/machines/{name}{suffix}"


def machine_files(
    plan: SitePlan, suffix: str, *, text_of: Callable[[Install], str],
    names: Callable[[Machine], Iterable[str]], waiting: str, disk: str,
) -> dict[str, str]:
    """Path below the published folder -> text. text_of: of an install, asked for once; names: of a host's
    files; waiting, disk: of unknown machines that wait, or start their disk."""
    text_of = cache(text_of)
    path = partial(path_of, suffix=suffix)
    files = {path(address): text_of(install) for address, install in plan.dynamic()}
    for machine in plan.machines:
        text = text_of(machine.install)
        files |= {path(name): text for name in names(machine)}
    files |= {path(address): waiting for address in plan.unknown_addresses(Unknown.WAIT)}
    return files | {path(address): disk for address in plan.unknown_addresses(Unknown.DISK)}
