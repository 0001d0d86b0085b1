"""Carries out the jobs: what comes from other servers becomes a published tree.

Owns the disk's side of a fetch. A file counts when its SHA-256 is that of the manifest, and the manifest when
its digest is the one that its server has told; a tree is published when all of it is on the disk, in one
step. Whatever ends it in between, the next Begin finds what is whole, and a file that was cut goes on at its
byte.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from twinboot.trees import reading, removals
from twinboot.trees.copying import Copier, set_folder_times
from twinboot.trees.free_space import NoRoomError, check_free
from twinboot.trees.journal import Journal
from twinboot.trees.manifest import FILE_NAME, File, Manifest, ManifestError, by_path
from twinboot.trees.media.contents import MediumError
from twinboot.trees.media.folder import pieces_of
from twinboot.trees.preparing import some
from twinboot.trees.removals import Removed
from twinboot.trees.tree_store import FETCH, BusyError, TreeStore, sync_file_system
from twinboot.trees.verifying import Difference, added, verify

from ..logic.jobs import DONE, Begin, Discard, Fetch, Job, JobOutcome, Publish, Remove, Result, Source
from .http import Client, Gone, SourceError, Unreachable, Wrong
from .refusals import Refused, check_replaceable, manifest_of, of_the_disk, wrong

_MANIFEST_MAX = 64 << 20


class Stopped(BaseException):
    """The process ends, or nobody asks for this any more."""


@dataclass(slots=True)
class _Staged:
    """The tree that is being fetched; its lock is held."""

    name: str
    manifest: Manifest
    files: dict[str, File]
    journal: Journal
    copier: Copier
    lock: ExitStack


class Carrier:
    """tell: called with a number of bytes, and whether they have just come: else they were there. It may
    wait, and raises Stopped to end the job."""

    def __init__(
        self, trees: Path, tell: Callable[[int, bool], None], client: Client | None = None
    ) -> None:
        self._place, self._tell = TreeStore(trees, FETCH), tell
        self._client = client or Client()
        self._staged: _Staged | None = None

    def carry_out(self, job: Job) -> Result:
        """Carries out a job, and returns what came of it. Nothing is raised."""
        os.umask(0o022)
        try:
            match job:
                case Begin():
                    return self._begin(job)
                case Fetch():
                    return self._fetch(job)
                case Publish():
                    return self._publish(job)
                case Remove():
                    return self._remove(job)
                case Discard():
                    return self._discard(job.name)
        except Refused as exc:
            return exc.result
        except Stopped:
            return Result(JobOutcome.STOPPED)
        except BusyError:
            return Result(JobOutcome.BUSY)
        except NoRoomError as exc:
            return Result(JobOutcome.NO_ROOM, str(exc))
        except MediumError as exc:
            return Result(JobOutcome.DISK, str(exc))
        except OSError as exc:
            return of_the_disk(exc)

    def close(self) -> None:
        """Let go of the lock; what was fetched stays."""
        if self._staged is not None:
            self._staged.lock.close()
        self._staged = None
        self._client.close()

    # A tree that is fetched ---------------------------------------------------------------------

    def _begin(self, job: Begin) -> Result:
        self.close()
        text = self._manifest_text(job)
        manifest = manifest_of(text, job)
        with ExitStack() as stack:
            stack.enter_context(self._place.locked(job.name))
            there = reading.read_manifest(self._place.tree(job.name))
            self._place.recover(job.name, there.identity if there else "")
            if there is None and os.path.lexists(self._place.tree(job.name)):
                return Result(JobOutcome.BUSY)  # it was whole, and is published now
            top = self._place.importing(job.name)
            self._keep_or_discard(job.name, manifest)
            top.mkdir(exist_ok=True)
            top.chmod(0o755)
            folders = {path.rpartition("/")[0] for path in (*by_path(manifest.files), *manifest.links)}
            check_free(top, manifest.size, len(manifest.files) + len(manifest.links) + len(folders))
            (top / FILE_NAME).write_bytes(text)
            journal = Journal(self._place.journal(job.name))
            journal.begin(manifest.digest, manifest.identity)
            copier = stack.enter_context(Copier(top, lambda _: None))
            self._staged = _Staged(
                job.name, manifest, by_path(manifest.files), journal, copier, stack.pop_all())
        return self._lacking(self._staged, there)

    def _manifest_text(self, job: Begin) -> bytes:
        text = bytearray()
        for piece in self._pieces(job.source, job.name, FILE_NAME, None):
            text += piece
            if len(text) > _MANIFEST_MAX:
                raise wrong(job.source, "its manifest is too big")
        return bytes(text)

    def _keep_or_discard(self, name: str, manifest: Manifest) -> None:
        """What lies there is of use where it is of a tree with the same contents."""
        before = reading.read_manifest(self._place.importing(name))
        if before is None or before.contents != manifest.contents:
            self._place.discard(name)

    def _lacking(self, staged: _Staged, there: Manifest | None) -> Result:
        """Files that were noted are read once more: after a power-off the note may be ahead of the disk.
        there: the tree whose place it will take; what is the same in it is not fetched."""
        whole = set()
        for path, one in staged.journal.files.items():
            self._tell(0, False)
            if staged.files.get(path) == one and staged.copier.whole(one):
                whole.add(path)
        known = {(one.sha256, one.mtime): one for one in there.files} if there is not None else {}
        for one in staged.manifest.files:
            same = known.get((one.sha256, one.mtime))
            if same is not None and one.path not in whole and self._linked(staged, one, same):
                whole.add(one.path)
        lacking = [one for one in staged.manifest.files if one.path not in whole]
        done = staged.manifest.size - sum(one.size for one in lacking)
        return Result(JobOutcome.DONE, lacking=tuple((one.path, one.size) for one in lacking), done=done)

    def _linked(self, staged: _Staged, file: File, same: File) -> bool:
        """The file of the published tree serves both, if it is as its manifest says."""
        self._tell(0, False)
        place = self._place.importing(staged.name) / file.path
        staged.copier.folder(file.path.rpartition("/")[0])
        place.unlink(missing_ok=True)
        try:
            os.link(self._place.tree(staged.name) / same.path, place, follow_symlinks=False)
        except OSError:
            return False  # no such file, or a file system without: it is fetched
        if staged.copier.whole(file) and place.stat().st_mode & 0o777 == 0o644:
            staged.journal.append(file)
            return True
        place.unlink()
        return False

    def _fetch(self, job: Fetch) -> Result:
        staged = self._staged
        if staged is None or staged.name != job.name:
            return Result(JobOutcome.BUSY)  # it begins again
        file, top = staged.files[job.path], self._place.importing(job.name)
        place, start = top / file.path, 0
        if place.is_symlink() or (place.is_file() and place.stat().st_nlink > 1):
            place.unlink()  # what it shares with the published tree is not written to
        elif place.is_file() and place.stat().st_size < file.size:
            start = place.stat().st_size
        for begin in dict.fromkeys((start, 0)):
            pieces = self._file_pieces(job, place, file.size, begin)
            got, _ = staged.copier.file(file.path, file.mtime, pieces, None)
            if got == file:
                staged.journal.append(file)
                return DONE
            place.unlink()  # what lay there before was wrong, or what came
        raise wrong(job.source, f"{file.path} has another content than its manifest says")

    def _file_pieces(self, job: Fetch, place: Path, size: int, start: int) -> Iterator[memoryview]:
        """What is there of it, then what comes."""
        left = start
        if start:
            for piece in pieces_of(place):
                yield piece[:left]
                left -= len(piece[:left])
                if not left:
                    break
        self._tell(start, False)
        for piece in self._pieces(job.source, job.name, job.path, size, start):
            yield piece
            self._tell(len(piece), True)

    def _pieces(
        self, source: Source, name: str, path: str, size: int | None, start: int = 0
    ) -> Iterator[memoryview]:
        """Raises Refused where the server fails: an OSError is always this server's own disk."""
        came = 0
        try:
            for piece in self._client.get(source.address, f"/trees/{name}/{path}", size, start):
                came += len(piece)
                yield piece
        except Wrong as exc:
            raise wrong(source, f"{path}: {exc}") from exc
        except Gone as exc:
            raise Refused(JobOutcome.GONE, f"{source.peer} ({source.address}): {path}: {exc}") from exc
        except Unreachable as exc:
            outcome = JobOutcome.CUT if came else JobOutcome.UNREACHABLE
            raise Refused(outcome, f"{source.peer} ({source.address}): {exc}") from exc
        except SourceError as exc:
            raise Refused(JobOutcome.UNREACHABLE, str(exc)) from exc

    def _publish(self, job: Publish) -> Result:
        staged = self._staged
        if staged is None or staged.name != job.name:
            return Result(JobOutcome.BUSY)
        top, tree = self._place.importing(job.name), self._place.tree(job.name)
        for path, target in staged.manifest.links.items():
            (top / path).parent.mkdir(parents=True, exist_ok=True)
            if not (top / path).is_symlink():
                os.symlink(target, top / path)
        differing = list(verify(top, staged.manifest, contents=False))
        for one in differing:
            if one.path not in staged.files or one.difference is not Difference.MISSING:
                (top / one.path).unlink(missing_ok=True)
        listed = [one for one in staged.manifest.files if one.path not in staged.journal.files]
        if differing or listed:
            bad = {one.path for one in differing} | {one.path for one in listed}
            found = [one for one in staged.manifest.files if one.path in bad]
            return Result(JobOutcome.DONE, lacking=tuple((one.path, one.size) for one in found),
                          done=staged.manifest.size - sum(one.size for one in found), again=True)
        manifest = staged.manifest
        set_folder_times(top, manifest.files, manifest.links, manifest.imported_at)
        sync_file_system(top)
        if os.path.lexists(tree):
            check_replaceable(tree, job.instead_of)
            self._place.exchange(job.name)
        elif job.instead_of:
            raise Refused(JobOutcome.REFUSED, "the tree whose place it would take has gone")
        else:
            self._place.publish(job.name)
        self._place.journal(job.name).unlink(missing_ok=True)
        self.close()
        return DONE

    # A tree that goes ---------------------------------------------------------------------------

    def _remove(self, job: Remove) -> Result:
        name = job.removal.name
        self.close()
        with self._place.locked(name):
            tree = self._place.tree(name)
            try:
                there = reading.strict_manifest(tree)
            except ManifestError as exc:
                text = f"it was removed on another server; its manifest here {exc}"
                raise Refused(JobOutcome.REFUSED, text) from exc
            if there.digest != job.digest:
                return DONE  # another one by now
            if others := added(tree, there):
                raise Refused(JobOutcome.REFUSED, "it was removed on another server, and here it holds files "
                              f"that no import has put there ({some(others)})")
            self._place.recover(name, there.identity)
            removals.note(self._place, Removed(
                name, job.removal.digests, there.contents, everywhere=True, at=int(time.time()),
                replaced=there.replaces, widened=True))
            self._place.take_away(name)
            self._place.discard(name)
        return DONE

    def _discard(self, name: str) -> Result:
        self.close()
        with self._place.locked(name):
            self._place.discard(name)
        return DONE
