"""Kickstart as an installer kind: combines the modules of this folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import JsonValue

from ...site.faults import Fault
from ...site.model.site import DiskChoice, Method
from ..base import LINES, Addition, Answers, DiskLoader, Installer, Passwords
from ..known import guard_script
from . import arguments, treeinfo
from .disks import CHOOSING
from .mirrors import mirror_lists
from .releases import NAMES, Release, release_of
from .reports import begin_sections, end_section
from .text import package_faults, script_faults, storage_faults
from .values import kickstart_values, pre_section
from .wiring import wiring_faults

if TYPE_CHECKING:
    from ...planning.plan import Install, Machine, SitePlan
    from ...site.model.site import Profile, Tree, Wiring


class Kickstart(Installer):
    """See installers.base.Installer."""

    name = "kickstart"
    reports = True
    releases = NAMES
    checker = ("ksvalidator", "--version", "RELEASE", "FILE")
    disk_loaders = tuple(
        DiskLoader(f"{folder}/shim{{cpu}}.efi", 10)
        for folder in ("redhat", "centos", "rocky", "almalinux", "fedora")
    )

    reserved_arguments = ("inst.ks=", "ks=")
    methods = (Method.FTP, Method.HTTP)
    default_template = "default.ks.j2"
    look_at = (
        "/run/install/ks.cfg in the installer's shell is the machine's own kickstart file",
        "its log names the disks that are erased (twinboot: to be erased) before anything is written",
        "packages come from the group's address (/tmp/packaging.log)",
        "/root/anaconda-ks.cfg of the new system; host name, network, the keys of root",
    )
    addition = Addition("lines of the command section of the kickstart file", LINES)

    def boot_files(self, release: str | None) -> tuple[str, tuple[str, ...]]:
        return "images/pxeboot/vmlinuz", ("images/pxeboot/initrd.img",)

    def profile_faults(self, path: str, profile: Profile) -> Iterator[Fault]:
        yield from script_faults(f"{path}.post", profile.post)
        yield from package_faults(f"{path}.packages", profile.packages or ())
        if profile.version in NAMES:
            yield from storage_faults(f"{path}.partitions", profile.partitions, Release(profile.version))

    def machine_faults(
        self, path: str, profile: Profile, disks: tuple[str, ...] | None, network: Wiring | None
    ) -> Iterator[Fault]:
        chosen = any(line.split()[0] == CHOOSING for line in profile.partitions)
        if chosen and disks is not None and disks != (DiskChoice.FIRST,):
            remedy = f"{CHOOSING} in the profile's partitions says it already; write one of both"
            yield Fault(f"{path}.disks", list(disks), remedy)
        if network is not None and profile.version in NAMES:
            yield from wiring_faults(f"{path}.network", network, profile)

    def addition_faults(self, path: str, value: JsonValue) -> Iterator[Fault]:
        wrong = list(super().addition_faults(path, value))
        yield from wrong
        if not wrong and isinstance(value, list):
            for at, line in enumerate(value):
                yield from script_faults(f"{path}[{at}]", str(line))

    def takes_mirrors(self, release: str | None) -> bool:
        return release is not None and Release(release).takes_mirrors

    def answer_path(self, name: str) -> str:
        return f"ks/{name}.ks"

    def kernel_arguments(self, plan: SitePlan, install: Install, *, room: int) -> list[str]:
        return arguments.kernel_arguments(plan, install, room=room)

    def answers(
        self, plan: SitePlan, install: Install, machine: Machine | None, passwords: Passwords
    ) -> Mapping[str, Answers]:
        profile = plan.site.profiles[install.profile]
        template, _ = self.template(profile)
        release = release_of(profile)
        if machine is None:
            appended = pre_section(guard_script(plan), release)
        else:
            appended = begin_sections(plan, install, machine, release) + end_section(release)
        return {self.answer_path(install.answers): Answers(
            template, kickstart_values(plan, install, machine, passwords), appended,
        )}  # fmt: skip

    def more_files(self, plan: SitePlan, install: Install) -> Mapping[str, str]:
        return {one.path: "".join(f"{url}\n" for url in one.urls) for one in mirror_lists(plan, install)}

    def tree_faults(self, path: str, tree: Tree, top: Path, releases: Sequence[str]) -> Iterator[Fault]:
        if any(Release(one).reads_treeinfo for one in releases) and not (top / ".treeinfo").is_file():
            remedy = (
                "has no .treeinfo, so the installer will not find its second stage; copy dot files as well"
            )
            yield Fault(f"{path}.path", tree.path, remedy)

    def repositories(self, tree: Tree, trees_dir: Path) -> tuple[str, ...]:
        return treeinfo.repositories(trees_dir, tree.path)
