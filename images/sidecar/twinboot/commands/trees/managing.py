"""`twinboot trees`: list, verify."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

from twinboot.commands.options import fail
from twinboot.trees import reading, removals
from twinboot.trees.free_space import in_words
from twinboot.trees.manifest import FILE_NAME, ManifestError
from twinboot.trees.media.contents import shown
from twinboot.trees.tree_store import FETCH, TreeStore
from twinboot.trees.verifying import Difference, Differing, verify

from . import bar, use

_WIDTH_IN_A_PIPE = 160
_TOLD = 20
"""Differing files of a tree are named one by one up to here."""


def list_trees(trees: Path, site: Path, record: Path) -> None:
    """List the install trees of this server, and what uses them."""
    place = TreeStore(trees)
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


def _rows(place: TreeStore) -> Iterator[tuple[str, tuple[str, ...]]]:
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
    for name in TreeStore(place.trees, FETCH).unfinished():
        yield name, ("-", "is being fetched from another server: status says how far it is", "-", "-", "-")
    for gone in removals.read(place):
        if not place.tree(gone.name).exists():
            where = "on all servers" if gone.everywhere else "on this server; back with trees fetch"
            yield gone.name, ("-", f"removed {where}", "-", "-", "-")


def verify_trees(names: list[str], trees: Path) -> None:
    """Compare each file of the trees with the manifest. Ends with 1 when one differs."""
    place = TreeStore(trees)
    wanted = names or [one.name for one in _folders(place) if (one / FILE_NAME).exists()]
    if not wanted:
        print("no tree was imported here yet: scripts/twinboot import ISO")
    wrong = [name for name in wanted if not _verified(place, name)]
    if wrong:
        fail(f"trees verify: {', '.join(wrong)}: not as imported")


def _verified(place: TreeStore, name: str) -> bool:
    top = place.tree(checked_name(name))
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


def _folders(place: TreeStore) -> list[Path]:
    try:
        return list(reading.folders(place.trees))
    except OSError as exc:
        fail(f"trees: the trees folder cannot be read: {exc.strerror}", code=2)


def checked_name(name: str) -> str:
    if "/" in name or name in (".", "..") or name.startswith("."):
        fail(f"trees: {name!r} is no name of a tree", code=2)
    return name

