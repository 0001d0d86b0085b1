"""What an install tree is: a folder with `dists` and `pool`, of a copied medium or a mirror.

Owns the reading of the disk for this. What answers depend on is handed on as paths: the suite's signed
Release file, or the unsigned one, and its components. Source: wiki.debian.org/DebianRepository/Format.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ...site.faults import Fault
from .releases import Release

if TYPE_CHECKING:
    from ...site.model.site import Tree

_INDEXES = ("Packages", "Packages.gz", "Packages.xz")
_RELEASES = ("InRelease", "Release.gpg", "Release")
"""The first that is there says whether the tree is signed."""


def facts(trees_dir: Path, tree: str) -> tuple[str, ...]:
    """Paths below the trees directory: of each suite the file that says whether it is signed, and its
    components."""
    dists = trees_dir / tree / "dists"
    try:
        suites = sorted(one for one in dists.iterdir() if one.is_dir() and not one.is_symlink())
        return tuple(
            posixpath.join(tree, "dists", suite.name, name) for suite in suites for name in _of_suite(suite)
        )
    except OSError:
        return ()


def _of_suite(suite: Path) -> Iterator[str]:
    yield from [name for name in _RELEASES if (suite / name).is_file()][:1]
    for one in sorted(suite.iterdir()):
        if any((one / "binary-amd64" / index).is_file() for index in _INDEXES):
            yield one.name


def is_unsigned(found: Sequence[str], tree: str, release: Release) -> bool:
    """Does the release's suite have a Release file and no signature? Not, as long as nobody knows."""
    return _path(tree, release, "Release") in found


def components(found: Sequence[str], tree: str, release: Release) -> tuple[str, ...]:
    """Those beside `main` that its installer asks about and the tree has."""
    return tuple(one for one in release.components if _path(tree, release, one) in found)


def tree_faults(path: str, tree: Tree, top: Path, releases: Sequence[str]) -> Iterator[Fault]:
    """path: of the tree's entry in the site file. releases: of the profiles that install it."""
    for release in map(Release, releases):
        suite = top / "dists" / release.codename
        if not suite.is_dir():
            remedy = (
                f"has no dists/{release.codename}, which {release.name} is installed from; copy a netinst or "
                "DVD image's content, or a mirror's"
            )
            yield Fault(f"{path}.path", tree.path, remedy)
            continue
        if not any((suite / name).is_file() for name in ("Release", "InRelease")):
            yield Fault(f"{path}.path", tree.path, f"has no dists/{release.codename}/Release; copy it again")
        udebs = suite / "main/debian-installer/binary-amd64"
        if not any((udebs / index).is_file() for index in _INDEXES):
            remedy = (
                f"has no installer components (dists/{release.codename}/main/debian-installer): a mirror "
                "needs the section main/debian-installer as well"
            )
            yield Fault(f"{path}.path", tree.path, remedy)


def _path(tree: str, release: Release, name: str) -> str:
    return posixpath.join(tree, "dists", release.codename, name)
