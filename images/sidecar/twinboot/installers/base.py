"""The base of an installer kind.

Each kind is a folder beside this file whose class derives from Installer and is registered; what is the same
for most is here. No other code tests which kind it is.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from pydantic import JsonValue

from ..site.faults import Fault, SiteError
from ..site.model.install import Method
from ..site.model.storage import DiskChoice

if TYPE_CHECKING:
    from ..planning.plan import Install, Machine, SitePlan
    from ..site.model.site import Profile, Tree, Wiring


class Fill(Protocol):
    """render.templates.Templates.fill."""

    def __call__(self, template: str, **values: Any) -> str: ...


@dataclass(frozen=True, slots=True)
class Answers:
    """An answer file to be: the template below the template directories, its values, and what is appended
    whatever the template is (an operator's own, say).

    check: of what a template of an operator's own has become; yields what is wrong with it. path: where.
    """

    template: str
    values: Mapping[str, Any] = field(default_factory=dict)
    appended: str = ""
    check: Callable[[str, str], Iterator[Fault]] | None = None

    def text(self, fill: Fill) -> str:
        """The file's text. Raises SiteError when the template cannot be filled or does not pass the check."""
        filled = fill(self.template, **self.values)
        if self.check and (wrong := list(self.check(f"templates/{self.template}", filled))):
            raise SiteError(wrong)
        return filled + self.appended


@dataclass(frozen=True, slots=True)
class Passwords:
    """Hashes as crypt(5) has them. root: None: no password opens the account. users: by name; those without
    one are left out."""

    root: str | None = None
    users: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def any_of(cls, profile: Profile) -> Passwords:
        """For a look at the answers of a profile, whatever its passwords are."""
        return cls("*", {user.name: "*" for user in profile.users if user.password_file})


@dataclass(frozen=True, slots=True)
class Addition:
    """What a profile says to one kind in the kind's own words, under the kind's name (`NAME:` of a profile).

    what: for the schema and the table of settings. schema: of the value, JSON Schema.
    """

    what: str
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class DiskLoader:
    """A boot loader of installed systems. path: below the folder EFI of an EFI system partition; {cpu} stands
    for x64, aa64 or ia32. place: those with a lower number are tried first on each disk: a shim before what
    it would start, or Secure Boot refuses it."""

    path: str
    place: int = 80


LINES: Mapping[str, Any] = {"type": "array", "items": {"type": "string"}}
MAPPING: Mapping[str, Any] = {"type": "object"}


class Installer(ABC):
    """One installer kind. Everything here is pure but tree_faults() and repositories(), which read a tree."""

    name: ClassVar[str]
    """As `installer:` of a profile names it."""
    releases: ClassVar[tuple[str, ...]] = ()
    """What `version:` of a profile may say; none: it needs no version."""
    methods: ClassVar[tuple[Method, ...]] = (Method.HTTP, Method.FTP)
    """By which it fetches its tree and its answers; the first is the default."""
    checker: ClassVar[tuple[str, ...]] = ()
    """The command that checks an answer file, RELEASE and FILE standing for both. A test dependency only."""
    reserved_arguments: ClassVar[tuple[str, ...]] = ()
    """Beginnings of kernel arguments that it writes itself: a profile may not give them."""
    default_template: ClassVar[str] = "default.j2"
    """Default template of its answer file, below the folder of templates that is called as the kind."""
    reports: ClassVar[bool] = False
    """Do its answers ask before a disk is erased, and report the end (reporting.py)? Then its machines are
    installed once, whatever happens; of other kinds once() says what is known."""
    look_at: ClassVar[tuple[str, ...]] = ()
    """What only a person can see on the first machine that installs from a real medium, a line each: the demo
    prints them. Each kind names some."""
    disk_loaders: ClassVar[tuple[DiskLoader, ...]] = ()
    """Where its systems have their boot loaders, for machines with UEFI that are told to start from the disk.
    None: they are found only where firmware looks by itself, which may be a repairer of boot entries."""
    addition: ClassVar[Addition | None] = None
    """What a profile may add in the kind's own words, under the kind's name; None: nothing."""

    def once(self, profile: Profile) -> bool:
        """Is a machine with this profile installed once? Where the kind does not report, it counts as started
        when it has fetched its kernel; one that is not installed once boots what it boots until it is told to
        start from its disk."""
        return self.reports or bool(profile.once)

    @abstractmethod
    def boot_files(self, release: str | None) -> tuple[str, tuple[str, ...]]:
        """Kernel and initrds within a tree that does not say where they are."""

    def profile_faults(self, path: str, profile: Profile) -> Iterator[Fault]:
        """What of a profile its answer files cannot hold. path: of the profile in the site file."""
        yield from ()

    def machine_faults(
        self, path: str, profile: Profile, disks: tuple[str, ...] | None, network: Wiring | None
    ) -> Iterator[Fault]:
        """What it cannot do of these settings of a machine with this profile: the profile's own, or a host's,
        which may be None. path: of the profile or the host in the site file."""
        yield from ()

    def addition_faults(self, path: str, value: JsonValue) -> Iterator[Fault]:
        """What of its own words it cannot take: as Addition.schema says, unless a kind knows more."""
        assert self.addition is not None
        if self.addition.schema["type"] == "object":
            if not isinstance(value, dict):
                yield Fault(path, value, "must be a mapping; write key: value")
            return
        if not isinstance(value, list):
            remedy = "must be a list of lines, each begun with `- `; `template` names a template of your own"
            yield Fault(path, value, remedy)
            return
        for at, line in enumerate(value):
            if not isinstance(line, str) or not line.strip() or not line.isprintable():
                yield Fault(f"{path}[{at}]", line, "must be one line of printable text; write it in quotes")

    def argument_faults(self, path: str, arguments: Sequence[str], *, known: bool) -> Iterator[Fault]:
        """What it cannot make of kernel arguments of the site file. path: of them. known: are all machines
        that get them hosts of the site file?"""
        yield from ()

    def argument(self, plan: SitePlan, install: Install, text: str) -> str:
        """A kernel argument of the site file as the kernel gets it."""
        return text

    def takes_mirrors(self, release: str | None) -> bool:
        """Does it try several addresses in order by itself (a profile's `mirror`)?"""
        return False

    def answer_path(self, name: str) -> str:
        """Where the answer file of this name is published, below the root of FTP and HTTP; a folder, where
        there are several. It lies below `ks/` or `answers/`, as all files of answers() and more_files() do:
        FTP and HTTP show no other folder, and what is fetched there tells how far an install is
        (machines.observing). `check` and `render` refuse a kind that publishes elsewhere."""
        return f"answers/{self.name}/{name}"

    @abstractmethod
    def kernel_arguments(self, plan: SitePlan, install: Install, *, room: int) -> list[str]:
        """What its kernel is told, the profile's own arguments last; in `room` characters, if mirrors can
        give way."""

    def template(self, profile: Profile) -> tuple[str, str]:
        """The template of the profile's answer file, and the setting of the profile that names it."""
        return f"{self.name}/{profile.template or self.default_template}", "template"

    def templates(self, profile: Profile) -> Iterator[tuple[str, str]]:
        """Every template that the profile names, as template() has it."""
        yield self.template(profile)

    def template_for(self, plan: SitePlan, install: Install, machine: Machine | None) -> str | None:
        """Template of the answer file, for kinds that fetch it from one address: None where the install is of
        a mirror of the machine's tree."""
        if machine is not None and not plan.is_for(install, machine):
            return None
        return self.template(plan.site.profiles[install.profile])[0]

    @abstractmethod
    def answers(
        self, plan: SitePlan, install: Install, machine: Machine | None, passwords: Passwords
    ) -> Mapping[str, Answers]:
        """The answer files of an install by path below the root of FTP and HTTP; machine: whose they are,
        when they are one machine's own."""

    def more_files(self, plan: SitePlan, install: Install) -> Mapping[str, str]:
        """Published beside the answer files: path -> text."""
        return {}

    def tree_faults(self, path: str, tree: Tree, top: Path, releases: Sequence[str]) -> Iterator[Fault]:
        """What its install tree at `top` lacks, beside kernel and initrd. path: of the tree's entry in the
        site file."""
        yield from ()

    def repositories(self, tree: Tree, trees_dir: Path) -> tuple[str, ...]:
        """Package repositories that the tree itself names, as paths below trees_dir, the basic one first."""
        return ()


def common_values(plan: SitePlan, install: Install, machine: Machine | None) -> dict[str, Any]:
    """What the templates of every kind may use: whose answers they are, and what the site says of it."""
    site = plan.site
    return {
        "title": f"host {machine.name}" if machine else f"profile {install.profile}",
        "site": site,
        "profile": site.profiles[install.profile],
        "host": machine.host if machine else None,
        "hostname": f"{machine.name}.{site.domain}" if machine else None,
        "tree_url": plan.tree_url(install),
        "vars": plan.variables(install),
    }


def erased(disks: tuple[str, ...]) -> str:
    """What an answer file's first lines say of the disks."""
    words = ", ".join(disks)
    if disks == (DiskChoice.ALL,):
        return "Disks: EVERY disk that the installer sees is erased, a SAN's too (disks: all)."
    return f"Disks: {words} and no other is seen and erased."
