"""Which of a machine's two boot files it gets: the one that installs it, or the one that starts its disk.

A host's files below `tftp` are symbolic links, the same in every generation, by way of a link of the host's
in the folder STEER beside the generations:

    <pub>/current/tftp/pxelinux.cfg/01-52-54-...  ->  <pub>/steer/HOST/LOADER
    <pub>/steer/HOST                              ->  <pub>/current/ways/install/HOST  or  .../ways/local

With balancing mode load a host that is to be installed is given a group when it asks, or waits:
`ways/install` is then what its home group gives, `ways/groups/GROUP/HOST` what another one does, and
`ways/queue` has it wait.

That one link is the agent's: it switches all files of a machine, whatever loader asks, in one step, and none
while a generation is written. A host without a link has no boot file, and so starts from its disk.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from ..loaders.decision import loaders_in_use
from ..site.faults import Fault

if TYPE_CHECKING:
    from ..loaders.base import Fill
    from ..loaders.publishing import Published
    from ..planning.plan import SitePlan

STEER = "steer"
WAYS = "ways"
"""The folder of a generation with what links lead to; adapters/steer_links.py knows both names, too."""


@dataclass(frozen=True, slots=True)
class Link:
    """A symbolic link, as its target is written."""

    target: str


def disk_files(plan: SitePlan, fill: Fill) -> Iterator[tuple[str, str]]:
    """Path below the published folder and text: of each loader what hosts get that start from their disks."""
    for loader in loaders_in_use(plan.site):
        text = loader.disk_file(plan, fill)
        if text and plan.machines:
            yield f"{WAYS}/local/{loader.name}", text


def group_files(plan: SitePlan, fill: Fill) -> Iterator[tuple[str, str]]:
    """With balancing mode load, of each loader: what hosts get that wait for their turn; and of each host
    what it gets when it is given another group than its home."""
    if not plan.by_load:
        return
    for loader in loaders_in_use(plan.site):
        text = loader.queue_file(plan, fill)
        if text and plan.machines:
            yield f"{WAYS}/queue/{loader.name}", text
        for machine in plan.machines:
            for group, install in plan.installs(machine).items():
                if group != machine.group and (text := loader.install_file(plan, install, fill)):
                    yield f"{WAYS}/groups/{group}/{machine.name}/{loader.name}", text


def cannot_wait(plan: SitePlan, fill: Fill) -> Iterator[Fault]:
    """Loaders that have no way to wait for a turn, with balancing mode load."""
    if not plan.by_load:
        return
    for loader in loaders_in_use(plan.site):
        if not loader.queue_file(plan, fill):
            yield Fault(
                "balancing.mode", "load", f"boot loader {loader.name} cannot wait for its turn to install; "
                "choose another one below boot, or another mode"
            )  # fmt: skip


def steered_files(published: Published) -> dict[str, str]:
    """Path of each published file that is a host's own -> where its text is, below the published folder."""
    return {path: f"{WAYS}/install/{host}/{loader}" for path, (host, loader) in published.own.items()}


def with_links(
    published: Mapping[str, str | bytes], steered: Mapping[str, str]
) -> dict[str, str | bytes | Link]:
    """The files of a generation: hosts' own files become links, and their texts stand where they lead."""
    files: dict[str, str | bytes | Link] = {**published}
    for path, place in steered.items():
        files[place] = published[path]
        _, _, host, loader = PurePosixPath(place).parts
        up = "../" * len(PurePosixPath(path).parts)
        files[path] = Link(f"{up}{STEER}/{host}/{loader}")
    return files
