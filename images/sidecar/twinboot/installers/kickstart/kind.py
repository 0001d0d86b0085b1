"""Kickstart as an installer kind: combines the modules of this folder."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ...site.faults import Fault
from ..base import Answers
from . import arguments, treeinfo
from .mirrors import mirror_lists
from .releases import NAMES, Release
from .values import kickstart_values

if TYPE_CHECKING:
    from ...planning.plan import Install, Machine, SitePlan
    from ...site.model.site import Profile, Tree

_SECTIONS = "end|pre|post|packages|addon|anaconda|include|ksappend|onerror|traceback|certificate"


class Kickstart:
    """See installers.base.Installer."""

    name = "kickstart"
    releases = NAMES
    checker = ("ksvalidator", "--version", "RELEASE", "FILE")

    reserved_arguments = ("inst.ks=", "ks=")

    def profile_faults(self, path: str, profile: Profile) -> Iterator[Fault]:
        for line in profile.post.splitlines():
            if re.match(rf"\s*%({_SECTIONS})", line):
                shown = line.strip()
                remedy = f"the line {shown!r} would end or start a kickstart section; write it otherwise"
                yield Fault(f"{path}.post", profile.post, remedy)

    def takes_mirrors(self, release: str) -> bool:
        return Release(release).takes_mirrors

    def answer_path(self, name: str) -> str:
        return f"ks/{name}.ks"

    def kernel_arguments(self, plan: SitePlan, install: Install, *, room: int) -> list[str]:
        return arguments.kernel_arguments(plan, install, room=room)

    def template(self, profile: Profile) -> tuple[str, str]:
        return f"kickstart/{profile.kickstart}", "kickstart"

    def answers(
        self, plan: SitePlan, install: Install, machine: Machine | None, root_password: str | None
    ) -> Answers:
        template, _ = self.template(plan.site.profiles[install.profile])
        return Answers(template, kickstart_values(plan, install, machine, root_password))

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
