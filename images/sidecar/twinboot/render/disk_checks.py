"""What a site file names on the disk: install trees, templates and files of passwords.

Owns the checks that need the disk, and what an operator is told of each; everything else about a site is
known without it. Trees are walked by `tree_access`.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..dhcp import engine_of
from ..kinds import INSTALLERS
from ..loaders.decision import loaders_in_use, losses
from ..loaders.menu import command_line_faults
from ..planning.plan import SitePlan
from ..planning.tree_files import initrds_of, kernel_of
from ..site.faults import Fault, SiteError
from ..site.model.site import Site, Tree
from .boot_files import BootFiles
from .certificate import own_certificate
from .files import rendering_faults
from .generations import read_secrets, repositories_of
from .secret_checks import secret_faults
from .templates import Templates
from .tree_access import TreeWalk, Trouble, Troubled

_SHIPPED = (
    "bind/named.conf.j2",
    "bind/zone.j2",
    "dhcpd/guard.j2",
    "httpd/nginx.conf.j2",
    "vsftpd/vsftpd.conf.j2",
)

_COMES = "; one that was imported on another server comes by itself: scripts/twinboot status shows how far"


@dataclass(frozen=True, slots=True)
class FilesFound:
    """faults: what keeps machines from being installed. warnings: what may do so. entries: of all trees.
    signed: by whom loaders and kernels are signed, a line each."""

    faults: tuple[Fault, ...]
    warnings: tuple[Fault, ...]
    entries: int
    signed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where things are. trees: the folder of the trees. trees_on_host: as an operator knows it, for the
    commands that are told; empty: the same. templates: folders, the first that has a file wins."""

    trees: Path
    templates: Sequence[str | Path]
    trees_on_host: str = ""
    without_trees: bool = False

    @property
    def shown(self) -> str:
        """The trees folder as an operator knows it."""
        return self.trees_on_host.rstrip("/") or str(self.trees)

    def on_host(self, name: str) -> str:
        """A path below the trees folder, quoted for a shell of the server."""
        path = os.path.join(self.shown, name)
        return shlex.quote(path.encode("utf-8", "backslashreplace").decode())


def check_files(site: Site, trees_dir: str | Path, templates_dirs: Sequence[str | Path]) -> list[Fault]:
    """Every fault of the trees below `trees_dir` and of the templates that the site uses."""
    return list(look_at_files(site, Places(trees=Path(trees_dir), templates=templates_dirs)).faults)


def look_at_files(site: Site, places: Places, tell: Callable[[int], None] = lambda _: None) -> FilesFound:
    """Everything that is wrong with trees and templates. tell: see TreeWalk."""
    walk = TreeWalk(places.trees, places.shown, tell)
    faults: list[Fault] = []
    warnings: list[Fault] = []
    signed: tuple[str, ...] = ()
    if places.without_trees:
        plan = SitePlan(site)
    else:
        for trouble, one in _tree_faults(site, places, walk):
            (warnings if trouble is Trouble.DANGLING else faults).append(one)
        boot = BootFiles(site, places.trees)
        for broken, one in boot.troubles():
            (faults if broken else warnings).append(one)
        signed = tuple(boot.signed_by())
        plan = SitePlan(site, repositories_of(site, places.trees), boot.facts())
        warnings += _losses(plan)
    templates = Templates([Path(directory) for directory in places.templates])
    faults += list(_template_faults(site, templates)) or rendering_faults(plan, templates)
    faults += command_line_faults(plan)
    return FilesFound(tuple(faults), tuple(warnings), walk.seen, signed)


def check_secrets(site: Site, config_dir: str | Path) -> list[Fault]:
    """Every fault of the password files that profiles name, and of a certificate of one's own."""
    faults: list[Fault] = []
    try:
        faults += secret_faults(site, read_secrets(site, config_dir), whole=True)
    except SiteError as exc:
        faults += exc.faults
    try:
        own_certificate(site, Path(config_dir))
    except SiteError as exc:
        faults += exc.faults
    return faults


def _losses(plan: SitePlan) -> Iterator[Fault]:
    lost: dict[tuple[str, str], list[str]] = {}
    for one in losses(plan):
        lost.setdefault((one.instead, one.loader), []).append(one.firmware.name)
    for (instead, loader), firmwares in lost.items():
        yield Fault(
            "boot", instead, f"its files take the place of {loader}'s, by which {', '.join(firmwares)} would "
            "boot: such machines are offered nothing"
        )  # fmt: skip


def _tree_faults(site: Site, places: Places, walk: TreeWalk) -> Iterator[tuple[Trouble | None, Fault]]:
    trees_dir = places.trees
    shown = places.shown
    if not trees_dir.is_dir():
        yield None, Fault("trees", shown, "no such directory; make it and copy an install tree below it")
        return
    for one in walk.of_the_folder():
        yield one.trouble, _tree_fault("trees", "", places, one)
    for name, tree in site.trees.items():
        top, path = trees_dir / tree.path, f"trees.{name}.path"
        if top.is_dir() and not _inside(top, trees_dir):
            yield None, Fault(path, tree.path, f"leads out of {shown}; clients cannot follow it: "
                              f"copy the tree there, or mount --bind it at {places.on_host(tree.path)}")
            continue
        there, wrong = top.is_dir(), walk.over(tree.path) if os.path.lexists(top) else []
        if not there and not wrong:
            hint = _COMES if site.tree_sync.enabled else ""
            yield None, Fault(path, tree.path, f"no such directory below {shown}; copy the install tree "
                              f"there, or mount its medium there{hint}")
        for one in wrong:
            yield (one.trouble if there else None), _tree_fault(path, tree.path, places, one)
        if there:
            initrds = [("initrd", one) for one in initrds_of(site, name)]
            for key, file in (("kernel", kernel_of(site, name)), *initrds):
                if not (top / file).is_file():
                    where = places.on_host(tree.path)
                    yield None, Fault(f"trees.{name}.{key}", file,
                                      f"no such file in {where}; write its path within the tree")
                elif not (top / file).stat().st_size:
                    yield None, Fault(f"trees.{name}.{key}", file,
                                      f"is empty; copy it again to {places.on_host(f'{tree.path}/{file}')}")
            yield from ((None, fault) for fault in _installer_faults(site, name, tree, top))


def _tree_fault(path: str, tree: str, places: Places, one: Troubled) -> Fault:
    """One kind of trouble as a line, with the command that mends all of it, or the first."""
    return Fault(path, one.first, _REMEDIES[one.trouble](places, tree, one))


def _opened(what: str) -> Callable[[Places, str, Troubled], str]:
    def remedy(places: Places, tree: str, one: Troubled) -> str:
        if one.count == 1:
            return f"mode {one.detail}, clients may not {what} it: chmod a+rX {places.on_host(one.first)}"
        top = tree if one.first.startswith(f"{tree}/") else one.first.partition("/")[0]
        return (f"mode {one.detail}, clients may not {what} it{_more(one)}: "
                f"chmod -R a+rX {places.on_host(top)}")

    return remedy


def _absolute(places: Places, tree: str, one: Troubled) -> str:
    link, top = places.on_host(one.first), places.on_host(tree)
    says = f"an absolute link to {one.detail}, which leads nowhere in a container{_more(one)}: "
    if one.count == 1:
        return f"{says}ln -snfr {shlex.quote(one.detail)} {link}"
    each = "sh -c 'ln -snfr \"$(readlink \"$1\")\" \"$1\"' -"
    within = shlex.quote(f"{places.shown}/*")
    return f"{says}find {top} -type l -lname {within} -exec {each} {{}} \\;"


def _outside(places: Places, tree: str, one: Troubled) -> str:
    return (f"a link to {one.detail}, out of the trees folder, where clients cannot follow it{_more(one)}: "
            + _copied(places.on_host(one.first)))


def _dangling(places: Places, tree: str, one: Troubled) -> str:
    return (f"a link to {one.detail}, which is not there{_more(one)}: copy it from the medium; "
            f"find {places.on_host(tree)} -xtype l lists all of them")


def _unreadable(places: Places, tree: str, one: Troubled) -> str:
    return (f"cannot be read by root either, {one.detail.lower()}{_more(one)}: look at the disk (dmesg), "
            f"or for NFS at no_root_squash; ls -ld {places.on_host(one.first)}")


def _copied(link: str) -> str:
    return f"cp -aL {link} {link}.copy && rm {link} && mv {link}.copy {link}"


def _more(one: Troubled) -> str:
    return f" ({one.count} of this kind)" if one.count > 1 else ""


_REMEDIES: Mapping[Trouble, Callable[[Places, str, Troubled], str]] = {
    Trouble.FOLDER: _opened("enter"), Trouble.FILE: _opened("read"), Trouble.ABSOLUTE: _absolute,
    Trouble.OUTSIDE: _outside, Trouble.DANGLING: _dangling, Trouble.UNREADABLE: _unreadable,
}


def _installer_faults(site: Site, name: str, tree: Tree, top: Path) -> Iterator[Fault]:
    """What the installers of the tree's profiles miss in it."""
    for kind in INSTALLERS.all():
        users = [one for one in site.profiles.values() if one.tree == name and one.installer == kind.name]
        if users:
            releases = [one.version for one in users if one.version]
            yield from kind.tree_faults(f"trees.{name}", tree, top, releases)


def _inside(path: Path, top: Path) -> bool:
    return path.resolve().is_relative_to(top.resolve())


def _template_faults(site: Site, templates: Templates) -> Iterator[Fault]:
    users: dict[str, str] = {}
    for name, profile in site.profiles.items():
        for template, setting in INSTALLERS.get(profile.installer).templates(profile):
            users.setdefault(template, f"profiles.{name}.{setting}")
    of_loaders = [template for loader in loaders_in_use(site) for template in loader.templates]
    for template in dict.fromkeys((*_SHIPPED, *engine_of(site).templates, *of_loaders, *users)):
        try:
            templates.compile(template)
        except SiteError as exc:
            for fault in exc.faults:
                used = f" (used by {users[template]})" if template in users else ""
                yield Fault(fault.path, fault.value, f"{fault.remedy}{used}")
