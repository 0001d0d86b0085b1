"""AutoYaST as an installer kind: combines the modules of this folder."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import JsonValue

from ...site.faults import Fault
from ...site.model.site import DiskChoice, Finish, Method
from ..base import Addition, Answers, DiskLoader, Installer, Passwords
from ..known import guard_script
from . import arguments
from .additions import own_faults, sections_of
from .disks import PLACEHOLDER
from .locales import keyboard_faults, language_faults
from .media_products import repositories
from .network import wiring_faults
from .values import PARTITIONING, autoyast_values, must_hold
from .xml_text import MalformedError, texts_at

if TYPE_CHECKING:
    from ...planning.plan import Install, Machine, SitePlan
    from ...site.model.site import Profile, Tree, Wiring

_PACKAGE = re.compile(r"-?@?[A-Za-z0-9][A-Za-z0-9+._-]*")


class Autoyast(Installer):
    """See installers.base.Installer."""

    name = "autoyast"
    reports = True
    releases = ("sles15", "leap15")
    methods = (Method.HTTP, Method.FTP)
    checker = ("xmllint", "--noout", "FILE")
    reserved_arguments = arguments.OURS
    default_template = "default.xml.j2"
    disk_loaders = (DiskLoader("opensuse/shim.efi", 40), DiskLoader("sles/shim.efi", 40))
    look_at = (
        "linuxrc finds the repository (Alt-F3 shows its log)",
        "the pre-script says on the console which disks are erased",
        "for SLES: registration (autoyast: {suse_register: ...})",
        "the new system: host name, network, the keys of root, sshd and its firewall",
    )
    addition = Addition(
        "sections of the AutoYaST profile: a mapping that is merged, or a text of XML elements",
        {"type": ["object", "string"]},
    )

    def boot_files(self, release: str | None) -> tuple[str, tuple[str, ...]]:
        return "boot/x86_64/loader/linux", ("boot/x86_64/loader/initrd",)

    def profile_faults(self, path: str, profile: Profile) -> Iterator[Fault]:
        if profile.partitions:
            remedy = "are commands of another installer; write autoyast: {partitioning: [...]}"
            yield Fault(f"{path}.partitions", list(profile.partitions), remedy)
        if profile.finish is Finish.HALT:
            yield Fault(f"{path}.finish", str(profile.finish), "YaST reboots or powers off; write poweroff")
        for at, line in enumerate(profile.packages or ()):
            if not _PACKAGE.fullmatch(line):
                remedy = "no package or pattern; write a name such as vim, @base or -unwanted"
                yield Fault(f"{path}.packages[{at}]", line, remedy)
        own = self._own_sections(profile)
        if "language" not in own:
            yield from language_faults(path, profile)
        if "keyboard" not in own:
            yield from keyboard_faults(path, profile)

    def machine_faults(
        self, path: str, profile: Profile, disks: tuple[str, ...] | None, network: Wiring | None
    ) -> Iterator[Fault]:
        if disks == (DiskChoice.ALL,):
            remedy = "AutoYaST takes disks by name; write those that are to be erased"
            yield Fault(f"{path}.disks", list(disks), remedy)
        elif disks is not None and disks != (DiskChoice.FIRST,) and self._names_disks(profile):
            remedy = f"its own partitioning says it already; name {PLACEHOLDER}1 there, or remove this"
            yield Fault(f"{path}.disks", list(disks), remedy)
        if network is not None:
            yield from wiring_faults(f"{path}.network", network, profile)

    def _names_disks(self, profile: Profile) -> bool:
        """Does partitioning of the profile's own name disks, and not those of `disks`?"""
        own = self._own_sections(profile).get(PARTITIONING)
        return own is not None and not any(
            one.startswith(PLACEHOLDER) for one in texts_at(own, "drive/device")
        )

    def _own_sections(self, profile: Profile) -> Mapping[str, ET.Element]:
        """What the profile says in AutoYaST's own words; nothing where that is none (addition_faults())."""
        try:
            return sections_of(profile.additions.get(self.name))
        except (MalformedError, TypeError, AttributeError):
            return {}

    def addition_faults(self, path: str, value: JsonValue) -> Iterator[Fault]:
        yield from own_faults(path, value)

    def takes_mirrors(self, release: str | None) -> bool:
        return True

    def kernel_arguments(self, plan: SitePlan, install: Install, *, room: int) -> list[str]:
        return arguments.kernel_arguments(plan, install, room=room)

    def answer_path(self, name: str) -> str:
        return f"answers/{self.name}/{name}.xml"

    def answers(
        self, plan: SitePlan, install: Install, machine: Machine | None, passwords: Passwords
    ) -> Mapping[str, Answers]:
        template = self.template_for(plan, install, machine)
        if template is None:
            return {}  # of a mirror: linuxrc takes one address for the profile, several for the tree alone
        profile = plan.site.profiles[install.profile]
        guarded = machine is None and bool(guard_script(plan))
        return {self.answer_path(install.answers): Answers(
            template, autoyast_values(plan, install, machine, passwords),
            check=must_hold(known=machine is not None, guarded=guarded) if profile.template else None,
        )}  # fmt: skip

    def repositories(self, tree: Tree, trees_dir: Path) -> tuple[str, ...]:
        return repositories(trees_dir, tree.path)
