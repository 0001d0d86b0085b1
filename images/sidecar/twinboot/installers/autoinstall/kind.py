"""Autoinstall as an installer kind: combines the modules of this folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import JsonValue

from ...site.faults import Fault
from ...site.model.site import DiskChoice, Method
from ..base import MAPPING, Addition, Answers, DiskLoader, Installer, Passwords
from . import arguments, trees
from .network import wiring_faults
from .releases import NAMES, Release
from .scripts import guard
from .text import keyboard, package_faults, section_faults
from .values import SHUTDOWN, meta_data, own_faults, own_storage, user_data_values

if TYPE_CHECKING:
    from ...planning.plan import Install, Machine, SitePlan
    from ...site.model.site import Profile, Tree, Wiring


class Autoinstall(Installer):
    """See installers.base.Installer."""

    name = "autoinstall"
    reports = True
    releases = NAMES
    checker = ("cloud-init", "schema", "--config-file", "FILE")
    methods = (Method.HTTP,)
    reserved_arguments = arguments.OURS
    default_template = "default.yaml.j2"
    disk_loaders = (DiskLoader("ubuntu/shim{cpu}.efi", 30), DiskLoader("ubuntu/grub{cpu}.efi", 60))
    look_at = (
        "memory is enough: the ISO lies in it, in a file system of half its size",
        "/proc/cmdline holds url= and ds= with the machine's own addresses",
        "its log names the disk that is erased (twinboot: to be erased) before it looks at disks",
        "/var/log/installer of the new system; host name, network, the keys of root",
    )
    addition = Addition("sections of the autoinstall configuration, merged into Twinboot's", MAPPING)

    def boot_files(self, release: str | None) -> tuple[str, tuple[str, ...]]:
        return "casper/vmlinuz", ("casper/initrd",)

    def profile_faults(self, path: str, profile: Profile) -> Iterator[Fault]:
        yield from package_faults(f"{path}.packages", profile.packages or ())
        if profile.partitions:
            remedy = (
                "are commands that Subiquity does not know; write autoinstall: {storage: {layout: {name: "
                "lvm}}}, or storage.config with every partition"
            )
            yield Fault(f"{path}.partitions", list(profile.partitions), remedy)
        if profile.finish not in SHUTDOWN:
            remedy = f"Subiquity cannot halt; write {' or '.join(SHUTDOWN.values())}"
            yield Fault(f"{path}.finish", str(profile.finish), remedy)
        if keyboard(profile.keyboard) is None:
            remedy = "no layout of XKB; write one such as de, or with its variant de-nodeadkeys"
            yield Fault(f"{path}.keyboard", profile.keyboard, remedy)

    def machine_faults(
        self, path: str, profile: Profile, disks: tuple[str, ...] | None, network: Wiring | None
    ) -> Iterator[Fault]:
        if disks is not None and own_storage(profile) and disks != (DiskChoice.FIRST,):
            remedy = "the profile's autoinstall.storage says it already; write one of both"
            yield Fault(f"{path}.disks", list(disks), remedy)
        elif disks is not None and (len(disks) > 1 or disks == (DiskChoice.ALL,)):
            remedy = (
                "Subiquity's layouts lie on one disk; write one, or all of them below "
                "autoinstall.storage.config"
            )
            yield Fault(f"{path}.disks", list(disks), remedy)
        if network is not None:
            yield from wiring_faults(f"{path}.network", network, profile)

    def addition_faults(self, path: str, value: JsonValue) -> Iterator[Fault]:
        wrong = list(super().addition_faults(path, value))
        yield from wrong
        if isinstance(value, dict):
            yield from section_faults(path, value)

    def takes_mirrors(self, release: str | None) -> bool:
        return release in NAMES and Release(str(release)).tries_mirrors

    def kernel_arguments(self, plan: SitePlan, install: Install, *, room: int) -> list[str]:
        return arguments.kernel_arguments(plan, install)

    def answer_path(self, name: str) -> str:
        return f"answers/{self.name}/{name}/user-data"

    def answers(
        self, plan: SitePlan, install: Install, machine: Machine | None, passwords: Passwords
    ) -> Mapping[str, Answers]:
        template = self.template_for(plan, install, machine)
        if template is None:
            return {}  # of a mirror: cloud-init fetches its data from one address, apt packages from several
        profile = plan.site.profiles[install.profile]
        stop = guard(plan) if machine is None else ""
        values = user_data_values(plan, install, machine, passwords, guarded=bool(stop))
        return {self.answer_path(install.answers): Answers(
            template, values, stop, check=own_faults if machine and profile.template else None
        )}  # fmt: skip

    def more_files(self, plan: SitePlan, install: Install) -> Mapping[str, str]:
        machine = plan.machine_of(install)
        if machine is not None and not plan.is_for(install, machine):
            return {}
        folder = self.answer_path(install.answers).rpartition("/")[0]
        return {
            f"{folder}/meta-data": meta_data(plan, install, machine),
            # without them cloud-init asks for each ten times, a second apart (25.1 for both)
            f"{folder}/vendor-data": "#cloud-config\n{}\n",
            f"{folder}/network-config": "# none: the initrd has set up the network\n",
        }

    def tree_faults(self, path: str, tree: Tree, top: Path, releases: Sequence[str]) -> Iterator[Fault]:
        yield from trees.tree_faults(path, tree, top, releases)

    def repositories(self, tree: Tree, trees_dir: Path) -> tuple[str, ...]:
        return trees.facts(trees_dir, tree.path)
