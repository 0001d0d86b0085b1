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

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from ..loaders.decision import Offer, loaders_in_use, rows
from ..machines.observing import asked_by
from ..site.faults import Fault

if TYPE_CHECKING:
    from ..loaders.base import BootLoader, Fill
    from ..loaders.firmware import Firmware
    from ..loaders.publishing import Published
    from ..planning.plan import Machine, SitePlan

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
    """Loaders that have no way to wait for a turn, with balancing mode load. One that is offered to no
    machine in this mode is no fault."""
    if not plan.by_load:
        return
    offered: dict[str, list[Firmware]] = {}
    for profile in plan.site.profiles:
        for row in rows(plan, profile):
            if isinstance(row.gets, Offer):
                offered.setdefault(row.gets.loader, []).append(row.firmware)
    for loader in loaders_in_use(plan.site):
        machines = offered.get(loader.name, [])
        if machines and not loader.queue_file(plan, fill):
            another = "another one below boot, or " if all(one.choice for one in machines) else ""
            yield Fault(
                "balancing.mode", "load", f"boot loader {loader.name} cannot wait for its turn to install; "
                f"choose {another}another mode"
            )  # fmt: skip


def misnamed(plan: SitePlan) -> Iterator[Fault]:
    """Loaders that do not call a file of a host's own as loaders.base.BootLoader.files_of() says, or name
    another one to DHCP: one fault for each, with the first path."""
    for loader in loaders_in_use(plan.site):
        every = ((one.name, path) for one in plan.machines for path in _misnamed(loader, one))
        if found := next(every, None):
            name, path = found
            yield Fault(
                "boot", path, f"the boot loader {loader.name} must call a file of this host's own "
                f"host.{name}, or host.{name}.SUFFIX, and name such a one to DHCP: by that name it is known "
                "whose boot it is (loaders/base.py, files_of)"
            )  # fmt: skip


def _misnamed(loader: BootLoader, machine: Machine) -> Iterator[str]:
    told = loader.host_file(machine.name)
    if told and asked_by(told) != machine.name:
        yield told
    if not any(asked_by(path) == machine.name for path in loader.files_of(machine)):
        yield from itertools.islice(loader.files_of(machine), 1)


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
