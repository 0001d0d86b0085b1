"""Agama as an installer kind: combines the modules of this folder."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import JsonValue

from ...site.faults import Fault
from ...site.model.site import DiskChoice, Method
from ..base import MAPPING, Addition, Answers, DiskLoader, Installer, Passwords
from ..dracut_network import wiring_faults
from ..known import guard_script
from . import arguments
from .additions import OLD_STORAGE, own_faults
from .network import bond_faults
from .sections import PRODUCTS
from .storage import PLACEHOLDER
from .values import agama_values, checks

if TYPE_CHECKING:
    from ...planning.plan import Install, Machine, SitePlan
    from ...site.model.site import Profile, Tree, Wiring

_PACKAGE = re.compile(r"(-?@)?[A-Za-z0-9][A-Za-z0-9+._-]*")
_LANG = re.compile(r"[A-Za-z]+_[A-Za-z]+(\.UTF-8)?")
_REPOMD = "repodata/repomd.xml"


class Agama(Installer):
    """See installers.base.Installer."""

    name = "agama"
    reports = True
    releases = tuple(PRODUCTS)
    methods = (Method.HTTP,)
    reserved_arguments = arguments.OURS
    default_template = "default.json.j2"
    disk_loaders = (DiskLoader("opensuse/shim.efi", 40), DiskLoader("sles/shim.efi", 40))
    look_at = (
        "memory is enough for the live system, 4 GB at least",
        "the console says which disks are erased before anything is written",
        "journalctl -u agama-autoinstall in the live system, when nothing happens",
        "the new system: host name, network, the keys of root",
    )
    addition = Addition("sections of the Agama profile, merged into what the other settings say", MAPPING)

    def boot_files(self, release: str | None) -> tuple[str, tuple[str, ...]]:
        return "boot/x86_64/loader/linux", ("boot/x86_64/loader/initrd",)

    def profile_faults(self, path: str, profile: Profile) -> Iterator[Fault]:
        if profile.partitions:
            remedy = "are commands of another installer; write agama: {storage: {drives: [...]}}"
            yield Fault(f"{path}.partitions", list(profile.partitions), remedy)
        if not _LANG.fullmatch(profile.lang):
            remedy = "Agama takes a language, a country and UTF-8 alone; write one such as en_US.UTF-8"
            yield Fault(f"{path}.lang", profile.lang, remedy)
        for at, line in enumerate(profile.packages or ()):
            if not _PACKAGE.fullmatch(line):
                remedy = "no package or pattern; write a name such as vim, @kvm_server or -@selinux"
                if line.startswith("-"):
                    remedy = "Agama leaves patterns out (-@name), no packages; remove it in post"
                yield Fault(f"{path}.packages[{at}]", line, remedy)

    def machine_faults(
        self, path: str, profile: Profile, disks: tuple[str, ...] | None, network: Wiring | None
    ) -> Iterator[Fault]:
        if disks is not None and disks != (DiskChoice.FIRST,) and self._names_disks(profile):
            remedy = f"its own storage says it already; name {PLACEHOLDER}1 there, or remove this"
            yield Fault(f"{path}.disks", list(disks), remedy)
        if network is not None:
            yield from wiring_faults(f"{path}.network", network, profile)
            yield from bond_faults(f"{path}.network", network)

    def _names_disks(self, profile: Profile) -> bool:
        """Does the profile's own storage name disks, and not those of `disks`?"""
        own = profile.additions.get(self.name)
        if not isinstance(own, dict):
            return False
        storage, old = own.get("storage"), own.get(OLD_STORAGE)
        drives = storage.get("drives") if isinstance(storage, dict) else None
        return (drives is not None or old is not None) and PLACEHOLDER not in json.dumps([drives, old])

    def addition_faults(self, path: str, value: JsonValue) -> Iterator[Fault]:
        yield from own_faults(path, value)

    def kernel_arguments(self, plan: SitePlan, install: Install, *, room: int) -> list[str]:
        return arguments.kernel_arguments(plan, install)

    def answer_path(self, name: str) -> str:
        return f"answers/{self.name}/{name}.json"

    def answers(
        self, plan: SitePlan, install: Install, machine: Machine | None, passwords: Passwords
    ) -> Mapping[str, Answers]:
        profile = plan.site.profiles[install.profile]
        template, _ = self.template(profile)
        guarded = machine is None and bool(guard_script(plan))
        check = checks(plan, install, machine, own=profile.template is not None, guarded=guarded)
        values = agama_values(plan, install, machine, passwords)
        return {self.answer_path(install.answers): Answers(template, values, check=check)}

    def tree_faults(self, path: str, tree: Tree, top: Path, releases: Sequence[str]) -> Iterator[Fault]:
        if not (top / arguments.IMAGE).is_file():
            yield Fault(f"{path}.path", tree.path, f"has no {arguments.IMAGE}, the live system of Agama")

    def repositories(self, tree: Tree, trees_dir: Path) -> tuple[str, ...]:
        """The Full medium's, below install; the Online medium has none."""
        found = (f"{tree.path}/install", tree.path)
        return tuple(one for one in found if (trees_dir / one / _REPOMD).is_file())
