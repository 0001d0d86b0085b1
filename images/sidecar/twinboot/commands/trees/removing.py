"""`twinboot trees remove` and `fetch`: a tree goes, and does not come back from other servers unasked."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from twinboot.commands.changing.progress import confirmed
from twinboot.commands.options import fail
from twinboot.trees import reading, removals
from twinboot.trees.free_space import in_words
from twinboot.trees.manifest import Manifest, ManifestError
from twinboot.trees.preparing import some
from twinboot.trees.removals import Removed
from twinboot.trees.tree_store import FETCH, BusyError, TreeStore
from twinboot.trees.verifying import added

from . import use
from .managing import checked_name


@dataclass(frozen=True, slots=True)
class Where:
    """The trees folder, the site file, and the record of the site in use."""

    trees: Path
    site_file: Path
    record: Path


def remove_tree(name: str, where: Where, *, yes: bool, everywhere: bool = False) -> None:
    """Remove an imported tree. Refused while a profile uses it, and for what was not imported."""
    place = TreeStore(where.trees)
    top = place.tree(checked_name(name))
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
    where_ = " on all servers" if everywhere else ""
    what = f"{name} ({manifest.distribution}, {in_words(manifest.size)}){where_}"
    if not yes and not confirmed(f"remove {what}? [y/N]"):
        fail("nothing was removed", code=3)
    try:
        with place.locked(name):
            place.recover(name, manifest.identity)
            _note(place, name, manifest, everywhere=everywhere)
            place.take_away(name)
            place.discard(name)
            TreeStore(where.trees, FETCH).discard(name)
    except BusyError:
        fail(f"trees remove: {name} is being imported, or fetched from another server")
    except OSError as exc:
        fail(f"trees remove: {exc.filename or name}: {exc.strerror}")
    print(f"removed: {name}")
    if everywhere:
        print("the other servers remove theirs when they hear of it: scripts/twinboot status")
    else:
        print("other servers keep theirs (--everywhere: not), and it is not fetched from them again; "
              f"scripts/twinboot trees fetch {name} takes that back")


def fetch_again(name: str, trees: Path) -> None:
    """Take back that a tree was removed here."""
    place = TreeStore(trees)
    try:
        gone = removals.forget(place, checked_name(name))
    except BusyError:
        fail("trees fetch: another command is at work: again, please")
    except OSError as exc:
        fail(f"trees fetch: {exc.filename or name}: {exc.strerror}")
    if gone:
        print(f"{name}: it comes from a server that has it: scripts/twinboot status shows how far it is")
        return
    if any(one.name == name for one in removals.read(place)):
        fail(f"trees fetch: {name} was removed on all servers: import it again")
    fail(f"trees fetch: {name} was not removed here; what another server has comes by itself "
         "(scripts/twinboot status)")


def _note(place: TreeStore, name: str, manifest: Manifest, *, everywhere: bool) -> None:
    at = int(time.time())
    removals.note(place, Removed(
        name, (manifest.digest,), manifest.contents, everywhere, at, manifest.replaces))


def _discard(place: TreeStore, name: str, *, yes: bool) -> None:
    fetched = TreeStore(place.trees, FETCH)
    if name in fetched.unfinished():
        _give_up(fetched, name, yes=yes)
        return
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


def _give_up(fetched: TreeStore, name: str, *, yes: bool) -> None:
    """A tree that is being fetched: whoever does that sees it, and removes what is there."""
    manifest = reading.read_manifest(fetched.importing(name))
    if manifest is None:
        fail(f"trees remove: {name} is not known yet: again, please")
    if not yes and not confirmed(f"{name} is being fetched from another server: give that up? [y/N]"):
        fail("nothing was removed", code=3)
    try:
        _note(fetched, name, manifest, everywhere=False)
    except (BusyError, OSError) as exc:
        fail(f"trees remove: {name}: it could not be noted that it is not wanted: {exc}")
    print(f"{name} is not fetched any more, and what has come of it goes; other servers keep theirs")


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
