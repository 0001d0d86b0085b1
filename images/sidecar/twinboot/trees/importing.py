"""From a medium to a published tree. Whatever ends it in between, calling it again goes on where it stopped.

Owns the order: room, all files, manifest, to the disk, publish. Nothing is published before all of it is
whole and on the disk.
"""

from __future__ import annotations

import os
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from .assembling import Assembly, Progress
from .copying import set_folder_times
from .free_space import check_room
from .journal import Journal
from .manifest import FILE_NAME, File, Manifest, encode
from .media.opening import wanted_links
from .preparing import Import, RefusedError, some
from .reading import read_manifest
from .tree_store import TreeStore, sync_file_system
from .verifying import added

_REPLACED_MOST = 32


@dataclass(frozen=True, slots=True)
class Made:
    """A tree that was published. odd: its files that a list on the medium has otherwise."""

    manifest: Manifest
    odd: tuple[str, ...]


def run(work: Import, place: TreeStore, progress: Progress) -> Made:
    """Makes and publishes the tree. BusyError, RefusedError, MediumError; OSError of the trees folder."""
    name = work.name
    with place.locked(name):
        there = read_manifest(place.tree(name))
        place.recover(name, there.identity if there else "")
        if os.path.lexists(place.tree(name)):
            _check_replaceable(work, place.tree(name), read_manifest(place.tree(name)))
        journal = _begun(work, place)
        with Assembly(work, place.importing(name), journal, progress) as copies:
            files, odd = copies.all(), copies.odd
        manifest = _manifest(work, journal, files, read_manifest(place.tree(name)))
        _write_manifest(place.importing(name), manifest)
        set_folder_times(place.importing(name), manifest.files, manifest.links, manifest.imported_at)
        progress.begin("writing to the disk", 0)
        sync_file_system(place.importing(name))
        if os.path.lexists(place.tree(name)):
            place.exchange(name)
        else:
            place.publish(name)
        place.journal(name).unlink(missing_ok=True)
    return Made(manifest, odd)


def _check_replaceable(work: Import, tree: Path, there: Manifest | None) -> None:
    if not work.wishes.replace:
        what = there.distribution if there else "not imported"
        raise RefusedError(f"there is a tree {work.name} already ({what}): another --name, or --replace")
    if there is None:
        raise RefusedError(f"{work.name} was not imported, or its manifest was changed: move it away, or "
                           "take another --name")
    if others := added(tree, there):
        raise RefusedError(f"{work.name} holds files that the import did not put there ({some(others)}): "
                           "move them away first")


def _begun(work: Import, place: TreeStore) -> Journal:
    """The journal of what is there already; none of it, where that was of another medium."""
    if Journal(place.journal(work.name)).medium != work.fingerprint:
        place.discard(work.name)
    top = place.importing(work.name)
    top.mkdir(exist_ok=True)
    top.chmod(0o755)  # whatever the umask: what keeps others out is the folder above
    check_room(top, work.medium, work.files, work.size)
    journal = Journal(place.journal(work.name))
    journal.begin(work.fingerprint, journal.identity or uuid.uuid4().hex)
    return journal


def _manifest(work: Import, journal: Journal, files: list[File], there: Manifest | None) -> Manifest:
    """there: the tree whose place it takes."""
    known = work.recognised
    replaced = [there.digest, there.contents, *there.replaces] if there is not None else []
    return Manifest(
        name=work.name, kind=known.kind, distribution=known.distribution, release=known.release,
        architecture=known.architecture, kernel=known.kernel, initrds=known.initrds, source=work.wishes.shown,
        label=work.medium.label, imported=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        identity=journal.identity, medium=work.fingerprint, files=tuple(files),
        links=dict(sorted(wanted_links(work.medium, known).items())),
        replaces=tuple(dict.fromkeys(replaced))[:_REPLACED_MOST],
    )  # fmt: skip


def _write_manifest(top: Path, manifest: Manifest) -> None:
    place = top / FILE_NAME
    place.unlink(missing_ok=True)
    place.write_text(encode(manifest), encoding="ascii")
    place.chmod(0o644)
