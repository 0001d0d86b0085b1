"""`twinboot trees`: list, verify, remove."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from twinboot.commands.changing.progress import confirmed
from twinboot.commands.options import fail
from twinboot.trees import reading
from twinboot.trees.manifest import FILE_NAME, Manifest, ManifestError
from twinboot.trees.media.contents import shown
from twinboot.trees.place import BusyError, Place
from twinboot.trees.room import in_words
from twinboot.trees.verifying import Difference, Differing, added, verify
from twinboot.trees.wishes import some

from . import bar, use

_WIDTH_IN_A_PIPE = 160
_TOLD = 20
"""Differing files of a tree are named one by one up to here."""

@dataclass(frozen=True, slots=True)
class Where:
    """The trees folder, the site file, and the record of the site in use."""

    trees: Path
    site_file: Path
    record: Path


def list_trees(trees: Path, site: Path, record: Path) -> None:
    """List the install trees of this server, and what uses them."""
    place = Place(trees)
    try:
        known, unknown = use.sites(site, record), ""
    except use.SiteError:
        known, unknown = [], "not known"
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for column in ("tree", "installer", "distribution", "size", "files", "imported", "used by"):
        table.add_column(column, overflow="fold", justify="right" if column in ("size", "files") else "left")
    for name, row in _rows(place):
        table.add_row(name, *row, ", ".join(use.users(known, name)) or unknown or "-")
    if not table.row_count:
        print("there is no install tree yet: scripts/twinboot import ISO")
        return
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_WIDTH_IN_A_PIPE)
    console.print(table)
    if unknown:
        print("the site file has faults, so what is used is not known: scripts/twinboot check")


def _rows(place: Place) -> Iterator[tuple[str, tuple[str, ...]]]:
    for top in _folders(place):
        try:
            one = reading.strict_manifest(top)
        except FileNotFoundError:
            yield top.name, ("-", "copied by hand", "-", "-", "-")
        except (OSError, ManifestError) as exc:
            yield top.name, ("-", f"its manifest {exc}", "-", "-", "-")
        else:
            kind = f"{one.kind} {one.release}".strip()
            yield top.name, (kind, f"{one.distribution}, {one.architecture}", in_words(one.size),
                             f"{len(one.files):,}", one.imported[:16].replace("T", " "))  # fmt: skip
    for name in place.unfinished():
        what = "is being imported" if place.busy(name) else "not finished: import it again, or remove it"
        yield name, ("-", what, "-", "-", "-")


def verify_trees(names: list[str], trees: Path) -> None:
    """Compare each file of the trees with the manifest. Ends with 1 when one differs."""
    place = Place(trees)
    wanted = names or [one.name for one in _folders(place) if (one / FILE_NAME).exists()]
    if not wanted:
        print("no tree was imported here yet: scripts/twinboot import ISO")
    wrong = [name for name in wanted if not _verified(place, name)]
    if wrong:
        fail(f"trees verify: {', '.join(wrong)}: not as imported")


def _verified(place: Place, name: str) -> bool:
    top = place.tree(_checked(name))
    try:
        manifest = reading.strict_manifest(top)
    except FileNotFoundError:
        print(f"{name}: {'was not imported: it has no manifest' if top.is_dir() else 'no such tree'}")
        return False
    except (OSError, ManifestError) as exc:
        print(f"{name}: its manifest {exc}: import it again with --replace")
        return False
    print(f"{name}: {len(manifest.files):,} files, {in_words(manifest.size)}", flush=True)
    with bar.bar() as progress:
        progress.begin(f"reading {name}", manifest.size)
        found = list(verify(top, manifest, progress.advance))
    for line in _told(found):
        print(line)
    print(f"{name}: {_counted(found)}")
    return not found


def _told(found: list[Differing]) -> Iterator[str]:
    for one in found[:_TOLD]:
        detail = f": {one.detail}" if one.detail else ""
        yield f"  {one.difference.upper():10}  {shown(one.path)}{detail}"
    if len(found) > _TOLD:
        yield f"  and {len(found) - _TOLD:,} more"


def _counted(found: list[Differing]) -> str:
    if not found:
        return "as it was imported"
    counts = {each: sum(one.difference is each for one in found) for each in Difference}
    return ", ".join(f"{count:,} {each}" for each, count in counts.items() if count)


def remove_tree(name: str, where: Where, *, yes: bool) -> None:
    """Remove an imported tree. Refused while a profile uses it, and for what was not imported."""
    place = Place(where.trees)
    top = place.tree(_checked(name))
    if not top.is_dir():
        _discard(place, name, yes=yes)
        return
    try:
        used = use.users(use.sites(where.site_file, where.record), name)
    except use.SiteError as exc:
        fail(f"trees remove: the site file has faults, so nobody knows what uses {name}: {exc.faults[0]}")
    if used:
        fail(f"trees remove: {name} is used by {', '.join(used)}: take it out of config/site.yaml, apply "
             "that, then remove it")
    manifest = _ours(top, name)
    what = f"{name} ({manifest.distribution}, {in_words(manifest.size)})"
    if not yes and not confirmed(f"remove {what}? [y/N]"):
        fail("nothing was removed", code=3)
    try:
        with place.locked(name):
            place.recover(name, manifest.identity)
            place.take_away(name)
            place.discard(name)
    except BusyError:
        fail(f"trees remove: {name} is being imported")
    except OSError as exc:
        fail(f"trees remove: {exc.filename or name}: {exc.strerror}")
    print(f"removed: {name}")


def _discard(place: Place, name: str, *, yes: bool) -> None:
    if name not in place.unfinished():
        fail(f"trees remove: there is no tree {name}")
    if not yes and not confirmed(f"remove what was copied of {name} so far? [y/N]"):
        fail("nothing was removed", code=3)
    try:
        with place.locked(name):
            place.discard(name)
    except BusyError:
        fail(f"trees remove: {name} is being imported")
    print(f"removed: the unfinished import of {name}")


def _ours(top: Path, name: str) -> Manifest:
    """The manifest of a tree that an import has made, and nobody has added to."""
    try:
        manifest = reading.strict_manifest(top)
        others = added(top, manifest)
    except FileNotFoundError:
        fail(f"trees remove: {name} was not imported: whoever copied it there removes it")
    except (OSError, ManifestError) as exc:
        fail(f"trees remove: {name}: its manifest {exc}; nobody knows what else is in it: remove it by hand")
    if others:
        fail(f"trees remove: {name} holds files that the import did not put there ({some(others)}): move "
             "them away first")
    return manifest


def _folders(place: Place) -> list[Path]:
    try:
        return list(reading.folders(place.trees))
    except OSError as exc:
        fail(f"trees: the trees folder cannot be read: {exc.strerror}", code=2)


def _checked(name: str) -> str:
    if "/" in name or name in (".", "..") or name.startswith("."):
        fail(f"trees: {name!r} is no name of a tree", code=2)
    return name

