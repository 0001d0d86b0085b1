"""Preseed as an installer kind: combines the modules of this folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import JsonValue

from ...site.faults import Fault
from ...site.model.site import DiskChoice, Method
from ..base import LINES, Addition, Answers, DiskLoader, Installer, Passwords
from . import arguments, trees
from .releases import NAMES, Release
from .script import SCRIPT, script_values
from .text import line_faults, package_faults
from .values import preseed_values

if TYPE_CHECKING:
    from ...planning.plan import Install, Machine, SitePlan
    from ...site.model.site import Profile, Tree, Wiring

RUN = f"\nd-i preseed/run string {SCRIPT}\n"
"""Appended to every template: without it no disk is chosen and no known machine is stopped."""


class Preseed(Installer):
    """See installers.base.Installer."""

    name = "preseed"
    reports = True
    releases = NAMES
    checker = ("debconf-set-selections", "--checkonly", "FILE")
    reserved_arguments = arguments.OURS
    default_template = "default.cfg.j2"
    disk_loaders = (DiskLoader("debian/shim{cpu}.efi", 20), DiskLoader("debian/grub{cpu}.efi", 50))
    look_at = (
        "no question stays on the screen",
        "the console says which disk is erased (twinboot: to be erased)",
        "the kernel modules are found: the netboot archive is of the tree's point release",
        "/var/log/installer and /etc/apt/sources.list of the new system",
    )
    addition = Addition("lines of the preseed file: owner, question, type, value", LINES)

    def boot_files(self, release: str | None) -> tuple[str, tuple[str, ...]]:
        return "debian-installer/amd64/linux", ("debian-installer/amd64/initrd.gz",)

    def profile_faults(self, path: str, profile: Profile) -> Iterator[Fault]:
        yield from package_faults(f"{path}.packages", profile.packages or ())
        if profile.partitions:
            remedy = (
                "are commands that debian-installer does not know; write preseed: "
                "[d-i partman-auto/choose_recipe select multi], or one with partman-auto/expert_recipe"
            )
            yield Fault(f"{path}.partitions", list(profile.partitions), remedy)
        known = profile.version if profile.version in NAMES else None
        if profile.method is Method.FTP and known and not Release(known).takes_ftp:
            yield Fault(f"{path}.method", "ftp", f"apt of {known} cannot fetch by FTP; write http")

    def machine_faults(
        self, path: str, profile: Profile, disks: tuple[str, ...] | None, network: Wiring | None
    ) -> Iterator[Fault]:
        if disks is not None and (len(disks) > 1 or disks == (DiskChoice.ALL,)):
            remedy = "debian-installer's recipes lie on one disk; write one, and use others in post"
            yield Fault(f"{path}.disks", list(disks), remedy)
        if network is None:
            return
        what = {"members": "bond", "vlan": "VLAN", "bridge": "bridge"}
        for setting, value in network.model_dump(exclude_defaults=True, mode="json").items():
            if setting in what:
                remedy = (
                    f"debian-installer knows no {what[setting]}; install over a card (interface), and write "
                    "/etc/network/interfaces.d in post"
                )
                yield Fault(f"{path}.network.{setting}", value, remedy)

    def addition_faults(self, path: str, value: JsonValue) -> Iterator[Fault]:
        wrong = list(super().addition_faults(path, value))
        yield from wrong
        if not wrong and isinstance(value, list):
            for at, line in enumerate(value):
                yield from line_faults(f"{path}[{at}]", str(line))

    def takes_mirrors(self, release: str | None) -> bool:
        return True

    def kernel_arguments(self, plan: SitePlan, install: Install, *, room: int) -> list[str]:
        return arguments.kernel_arguments(plan, install)

    def answer_path(self, name: str) -> str:
        return f"answers/{self.name}/{name}/preseed.cfg"

    def answers(
        self, plan: SitePlan, install: Install, machine: Machine | None, passwords: Passwords
    ) -> Mapping[str, Answers]:
        template = self.template_for(plan, install, machine)
        if template is None:
            return {}  # of a mirror: d-i fetches its answers from one address, apt its packages from several
        path = self.answer_path(install.answers)
        return {
            path: Answers(template, preseed_values(plan, install, machine, passwords), RUN),
            f"{path.rpartition('/')[0]}/{SCRIPT}": Answers(
                f"{self.name}/{SCRIPT}.j2", script_values(plan, install, machine, passwords)
            ),
        }

    def tree_faults(self, path: str, tree: Tree, top: Path, releases: Sequence[str]) -> Iterator[Fault]:
        yield from trees.tree_faults(path, tree, top, releases)

    def repositories(self, tree: Tree, trees_dir: Path) -> tuple[str, ...]:
        return trees.facts(trees_dir, tree.path)
