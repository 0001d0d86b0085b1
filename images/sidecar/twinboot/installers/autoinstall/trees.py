"""What an install tree is: `casper` of a live server medium (kernel and initrd), and the medium itself as a
file, which the initrd fetches whole. Perhaps an archive (`dists`, `pool`) beside them.

Owns the reading of the disk for this. What answers and arguments depend on is handed on as paths.
Sources: casper (url=...iso), wiki.debian.org/DebianRepository/Format.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ...site.faults import Fault
from .releases import Release, release_of

if TYPE_CHECKING:
    from ...planning.plan import Install, SitePlan
    from ...site.model.site import Tree

_ISO = ".iso"
"""casper takes url= for its own by this ending alone, in small letters."""
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+~-]*")


def facts(trees_dir: Path, tree: str) -> tuple[str, ...]:
    """The ISO, where there is one alone, and of each suite of an archive its Release file, as paths below the
    trees directory."""
    isos = _isos(trees_dir / tree)
    found = [posixpath.join(tree, isos[0])] if len(isos) == 1 else []
    dists = trees_dir / tree / "dists"
    try:
        suites = sorted(one.name for one in dists.iterdir() if one.is_dir() and not one.is_symlink())
    except OSError:
        return tuple(found)
    return (*found, *(
        posixpath.join(tree, "dists", suite, name) for suite in suites for name in ("InRelease", "Release")
        if (dists / suite / name).is_file()
    ))  # fmt: skip


def iso_path(plan: SitePlan, install: Install) -> str:
    """Path of an install's ISO, below the root of HTTP. Until the tree is there, the name that an import
    gives it."""
    name = plan.site.profiles[install.profile].tree
    tree = plan.site.trees[name].path
    found = [one for one in plan.repositories(name) if one.endswith(_ISO)]
    return f"trees/{found[0]}" if found else f"trees/{tree}/{posixpath.basename(tree)}{_ISO}"


def has_archive(plan: SitePlan, install: Install) -> bool:
    """Is the tree an archive that a system is kept up to date from? The few packages that a medium brings
    have no suites of updates."""
    profile = plan.site.profiles[install.profile]
    suites = [f"{release_of(profile).codename}{one}" for one in ("", "-updates", "-security")]
    tree, found = plan.site.trees[profile.tree].path, plan.repositories(profile.tree)
    return all(any(one.startswith(f"{tree}/dists/{suite}/") for one in found) for suite in suites)


def tree_faults(path: str, tree: Tree, top: Path, releases: Sequence[str]) -> Iterator[Fault]:
    """path: of the tree's entry in the site file. releases: of the profiles that install it."""
    isos = _isos(top)
    if not isos:
        name = next((Release(one).name.removeprefix("ubuntu") for one in releases), "24.04")
        remedy = (
            "has no ISO, which the initrd fetches whole; copy the medium itself into the tree, such as "
            f"ubuntu-{name}-live-server-amd64.iso"
        )
        yield Fault(f"{path}.path", tree.path, remedy)
    elif len(isos) > 1:
        remedy = f"has {len(isos)} ISOs ({', '.join(isos[:3])}); leave the one that kernel and initrd are of"
        yield Fault(f"{path}.path", tree.path, remedy)
    elif not _PLAIN.fullmatch(isos[0]):
        remedy = "the ISO's name goes into an URL; rename it with letters, digits and . _ + ~ - alone"
        yield Fault(f"{path}.path", isos[0], remedy)


def _isos(top: Path) -> list[str]:
    try:
        return sorted(one.name for one in top.iterdir() if one.name.endswith(_ISO) and one.is_file())
    except OSError:
        return []
