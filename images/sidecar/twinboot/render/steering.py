"""Which of a machine's two boot files it gets: the one that installs it, or the one that starts its disk.

A host's files below `tftp` are symbolic links, the same in every generation, by way of a link of the host's
in the folder STEER beside the generations:

    <pub>/current/tftp/pxelinux.cfg/01-52-54-...  ->  <pub>/steer/HOST/LOADER
    <pub>/steer/HOST                              ->  <pub>/current/ways/install/HOST  or  .../ways/local

That one link is the agent's: it switches all files of a machine, whatever loader asks, in one step, and none
while a generation is written. A host without a link has no boot file, and so starts from its disk.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from ..loaders.decision import loaders_in_use

if TYPE_CHECKING:
    from ..loaders.base import Fill
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


def steered_files(plan: SitePlan, published: Mapping[str, str]) -> dict[str, str]:
    """Path of each published file that is a host's own -> where its text is, below the published folder."""
    return {
        path: f"{WAYS}/install/{machine.name}/{loader.name}"
        for loader in loaders_in_use(plan.site) if f"{WAYS}/local/{loader.name}" in published
        for machine in plan.machines for path in loader.files_of(machine) if path in published
    }  # fmt: skip


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
