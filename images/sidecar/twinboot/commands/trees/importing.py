"""`twinboot import`: from an operator's medium to a tree, and to the lines of the site file."""

from __future__ import annotations

import errno
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from twinboot import paths
from twinboot.commands import site_file as files
from twinboot.commands.options import fail
from twinboot.kinds import UnknownKindError
from twinboot.site import Site, SiteError, loads
from twinboot.site.editing import EditError
from twinboot.trees import importing
from twinboot.trees.free_space import NoRoomError, in_words
from twinboot.trees.manifest import Manifest
from twinboot.trees.media.contents import MediumError
from twinboot.trees.media.opening import NotRecognisedError
from twinboot.trees.preparing import Import, ImportOptions, RefusedError, prepare, some
from twinboot.trees.reading import read_manifest
from twinboot.trees.tree_store import NAME, BusyError, TreeStore

from . import bar, entry

_STOPPED = 130


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """The options of `twinboot import`. on_host: the trees folder as an operator knows it."""

    wishes: ImportOptions
    trees: Path
    site_file: Path
    add: bool = False
    on_host: str = ""

    def shown(self, name: str) -> str:
        return os.path.join(self.on_host or str(self.trees), name)


def run(request: Request) -> None:
    """Ends the process: 0 the tree is published, 1 it is not, 2 wrong options, 130 stopped by Ctrl-C."""
    _end_with_the_caller()
    wishes = request.wishes
    if wishes.name and not NAME.fullmatch(wishes.name):
        fail(f"import: --name {wishes.name}: write 1 to 32 letters, digits, dots, dashes and underscores, a "
             "letter or digit first", code=2)
    if not request.trees.is_dir():
        fail(f"import: the trees folder {request.shown('')} is not there", code=2)
    with _told(request):
        work = prepare(wishes, request.trees)
        if request.add:
            entry.check_names(request.site_file, work.name)
        manifest = _already(request, work) or _made(request, work)
        _put_into_site(request, manifest)


def _made(request: Request, work: Import) -> Manifest:
    known = work.recognised
    release = f" ({known.release})" if known.release else ""
    print(f"{work.wishes.shown}: {known.distribution}, {known.architecture}, installer {known.kind}{release}")
    print(f"tree {work.name}: {len(work.files):,} files, {in_words(work.size)}")
    for note in work.notes:
        print(f"NOTE    {note}")
    sys.stdout.flush()
    with bar.bar() as shown:
        made = importing.run(work, TreeStore(request.trees), shown)
    manifest = made.manifest
    if made.odd:
        print(f"NOTE    the medium's lists do not hold for {some(made.odd)}, though its implanted MD5 does: "
              "whoever made the medium has changed them since")
    checked = f", {len(work.sums):,} of them checked with the medium's own checksums" if work.sums else ""
    print(f"published: {request.shown(work.name)}, {len(manifest.files):,} files{checked}")
    return manifest


def _already(request: Request, work: Import) -> Manifest | None:
    """The tree, when it was made of this very medium: a call that was ended at its very end is repeated."""
    there = read_manifest(request.trees / work.name)
    if there is None or there.medium != work.fingerprint or work.wishes.replace:
        return None
    print(f"{work.wishes.shown}: imported already, on {there.imported[:10]}, as {request.shown(work.name)}")
    return there


def _put_into_site(request: Request, manifest: Manifest) -> None:
    if not request.add:
        print(f"for config/site.yaml (or import with --add):\n\n{entry.lines(manifest)}")
        print("The other servers fetch the tree by themselves: scripts/twinboot status shows how far.")
        return
    try:
        text = entry.with_entries(files.read(request.site_file), manifest)
        _check(loads(text), request, entry.key_of(manifest.name))
        files.write(request.site_file, text)
    except SiteError as exc:
        for fault in exc.faults:
            print(f"FAULT   {fault}", file=sys.stderr)
        fail(f"import: the tree is published; {request.site_file.name} was not changed, for it would have "
             f"faults. The lines:\n\n{entry.lines(manifest)}")
    key = entry.key_of(manifest.name)
    print(f"added to config/site.yaml: trees.{key} and profiles.{key}")
    print("Name the profile in a subnet or a host, then: scripts/twinboot apply")


def _check(site: Site, request: Request, key: str) -> None:
    """SiteError: what the installer would miss in the tree."""
    from twinboot.render import check_files

    templates = (request.site_file.parent / "templates", paths.TEMPLATES)
    found = check_files(site, request.trees, templates)
    if faults := [one for one in found if one.path.startswith((f"trees.{key}", f"profiles.{key}"))]:
        raise SiteError(faults)


@contextmanager
def _told(request: Request) -> Iterator[None]:
    """Whatever can go wrong, as one line."""
    shown = request.wishes.shown
    try:
        yield
    except MediumError as exc:
        fail(f"import: {shown}: {exc}")
    except (NotRecognisedError, RefusedError) as exc:
        fail(f"import: {shown}: {exc}")
    except UnknownKindError as exc:
        fail(f"import: --kind: {exc}", code=2)
    except NoRoomError as exc:
        fail(f"import: no room in {request.shown('')}: {exc}")
    except BusyError as exc:
        fail(f"import: another import of {exc} is running, or its removal, or it is being fetched "
             "from another server (scripts/twinboot status): wait for it")
    except EditError as exc:
        fail(f"import: {exc}")
    except KeyboardInterrupt:
        fail("import: stopped; the same call goes on from here", code=_STOPPED)
    except OSError as exc:
        fail(f"import: {_of_the_disk(exc, request)}")


def _of_the_disk(exc: OSError, request: Request) -> str:
    place = str(exc.filename or "the trees folder").replace(str(request.trees), request.shown("").rstrip("/"))
    if exc.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{request.shown('')} is full. What is copied already stays: make room, and call it again"
    if exc.errno == errno.EROFS:
        return f"{request.shown('')} is read-only"
    if exc.errno == errno.EACCES:
        return f"{place}: root may not write there; for NFS look at no_root_squash"
    return f"{place}: {exc.strerror or exc}"


def _end_with_the_caller() -> None:
    """The end of scripts/twinboot, without a terminal, shows as the end of the standard input: an import
    that nobody waits for would keep the next call out."""
    if os.environ.get("TWINBOOT_LIFELINE") != "1":
        return

    def wait() -> None:
        while os.read(0, 4096):
            pass
        os._exit(_STOPPED)

    threading.Thread(target=wait, name="lifeline", daemon=True).start()
