"""The interface of an installer kind.

Each kind is a folder beside this file that implements and registers it. No other code tests which kind it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from ..planning.plan import Install, Machine, SitePlan
    from ..site.faults import Fault
    from ..site.model.site import Profile, Tree, Wiring


@dataclass(frozen=True, slots=True)
class Answers:
    """An answer file to be: the template below the template directories, its values, and what is appended
    whatever the template is (an operator's own, say)."""

    template: str
    values: Mapping[str, Any] = field(default_factory=dict)
    appended: str = ""


class Installer(Protocol):
    """One installer kind. Everything here is pure but tree_faults() and repositories(), which read a tree."""

    @property
    def name(self) -> str:
        """As `installer:` of a profile names it."""
        ...

    @property
    def releases(self) -> tuple[str, ...]:
        """What `version:` of a profile may say."""
        ...

    @property
    def checker(self) -> tuple[str, ...]:
        """The command that checks an answer file, RELEASE and FILE standing for both. A test dependency
        only."""
        ...

    @property
    def reserved_arguments(self) -> tuple[str, ...]:
        """Beginnings of kernel arguments that it writes itself: a profile may not give them."""
        ...

    def profile_faults(self, path: str, profile: Profile) -> Iterator[Fault]:
        """What of a profile its answer files cannot hold. path: of the profile in the site file."""
        ...

    def machine_faults(
        self, path: str, profile: Profile, disks: tuple[str, ...] | None, network: Wiring | None
    ) -> Iterator[Fault]:
        """What it cannot do of these settings of a machine with this profile: the profile's own, or a host's,
        which may be None. path: of the profile or the host in the site file."""
        ...

    def takes_mirrors(self, release: str) -> bool:
        """Does it try several addresses in order by itself (a profile's `mirror`)?"""
        ...

    def answer_path(self, name: str) -> str:
        """Where the answer file of this name is published, below the root of FTP and HTTP."""
        ...

    def kernel_arguments(self, plan: SitePlan, install: Install, *, room: int) -> list[str]:
        """What its kernel is told, the profile's own arguments last; in `room` characters, if mirrors can
        give way."""
        ...

    def template(self, profile: Profile) -> tuple[str, str]:
        """The template of the profile's answer file, and the setting of the profile that names it."""
        ...

    def answers(
        self, plan: SitePlan, install: Install, machine: Machine | None, root_password: str | None
    ) -> Answers:
        """The answer file of an install; machine: whose it is, when it is one machine's own."""
        ...

    def more_files(self, plan: SitePlan, install: Install) -> Mapping[str, str]:
        """Published beside the answer file: path -> text."""
        ...

    def tree_faults(self, path: str, tree: Tree, top: Path, releases: Sequence[str]) -> Iterator[Fault]:
        """What its install tree at `top` lacks, beside kernel and initrd. path: of the tree's entry in the
        site file."""
        ...

    def repositories(self, tree: Tree, trees_dir: Path) -> tuple[str, ...]:
        """Package repositories that the tree itself names, as paths below trees_dir, the basic one first."""
        ...
