"""What a site file names on the disk: install trees and templates.

Owns the checks that need the disk; everything else about a site is known without it.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..dhcp import engine_of
from ..kinds import INSTALLERS, LOADERS
from ..site.faults import Fault, SiteError
from ..site.model.site import Site, Tree
from .templates import Templates

_SHIPPED = (
    "bind/named.conf.j2",
    "bind/zone.j2",
    "httpd/nginx.conf.j2",
    "vsftpd/vsftpd.conf.j2",
)


def check_files(site: Site, trees_dir: str | Path, templates_dirs: Sequence[str | Path]) -> list[Fault]:
    """Every fault of the trees below `trees_dir` and of the templates that the site uses."""
    return [*_tree_faults(site, Path(trees_dir)), *_template_faults(site, templates_dirs)]


def _tree_faults(site: Site, trees_dir: Path) -> Iterator[Fault]:
    if not trees_dir.is_dir():
        yield Fault("trees", str(trees_dir), "no such directory; make it and copy an install tree below it")
        return
    for name, tree in site.trees.items():
        top = trees_dir / tree.path
        if not top.is_dir():
            remedy = f"no such directory below {trees_dir}; copy the install tree there"
            yield Fault(f"trees.{name}.path", tree.path, remedy)
            continue
        if not _inside(top, trees_dir):
            yield Fault(
                f"trees.{name}.path", tree.path, f"leads out of {trees_dir}; clients cannot follow it"
            )
        for key, file in (("kernel", tree.kernel), ("initrd", tree.initrd)):
            yield from _file_faults(f"trees.{name}.{key}", file, top)
        yield from _installer_faults(site, name, tree, top)


def _installer_faults(site: Site, name: str, tree: Tree, top: Path) -> Iterator[Fault]:
    """What the installers of the tree's profiles miss in it."""
    for kind in INSTALLERS.all():
        users = [one for one in site.profiles.values() if one.tree == name and one.installer == kind.name]
        if users:
            yield from kind.tree_faults(f"trees.{name}", tree, top, [one.version for one in users])


def _file_faults(path: str, file: str, top: Path) -> Iterator[Fault]:
    full = top / file
    if not full.is_file():
        yield Fault(path, file, f"no such file in {top}; write its path within the tree")
        return
    if not full.stat().st_mode & stat.S_IROTH:
        yield Fault(path, file, f"clients may not read it; chmod a+r {full}")


def _inside(path: Path, top: Path) -> bool:
    return path.resolve().is_relative_to(top.resolve())


def _template_faults(site: Site, templates_dirs: Sequence[str | Path]) -> Iterator[Fault]:
    templates = Templates([Path(directory) for directory in templates_dirs])
    users: dict[str, str] = {}
    for name, profile in site.profiles.items():
        template, setting = INSTALLERS.get(profile.installer).template(profile)
        users.setdefault(template, f"profiles.{name}.{setting}")
    of_loaders = [template for loader in LOADERS.all() for template in loader.templates]
    for template in (*_SHIPPED, *engine_of(site).templates, *of_loaders, *users):
        try:
            templates.compile(template)
        except SiteError as exc:
            for fault in exc.faults:
                used = f" (used by {users[template]})" if template in users else ""
                yield Fault(fault.path, fault.value, f"{fault.remedy}{used}")
