"""Why a job came to nothing: what others gave and is refused, and what this server's disk would not do."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from twinboot.trees import plausible, reading
from twinboot.trees.manifest import Manifest, ManifestError, decode
from twinboot.trees.preparing import some
from twinboot.trees.verifying import added

from ..logic.jobs import Begin, JobOutcome, Result, Source


class Refused(Exception):
    """Ends a job with this result."""

    def __init__(self, outcome: JobOutcome, text: str) -> None:
        super().__init__(text)
        self.result = Result(outcome, text)


def manifest_of(text: bytes, job: Begin) -> Manifest:
    """The manifest in these bytes: authentic, whole, and possible."""
    try:
        manifest = decode(text.decode("ascii"))
    except (UnicodeDecodeError, ManifestError, RecursionError) as exc:
        raise wrong(job.source, f"its manifest {exc}") from exc
    if manifest.digest != job.tree.digest:
        raise wrong(job.source, "its manifest is not the one that it has told of")
    if fault := plausible.implausible(manifest):
        raise wrong(job.source, f"its manifest {fault}")
    return manifest


def check_replaceable(tree: Path, instead_of: str) -> None:
    there = reading.read_manifest(tree)
    if there is None or not instead_of or there.contents != instead_of:
        raise Refused(JobOutcome.REFUSED, "there is something else of this name by now")
    if others := added(tree, there):
        raise Refused(JobOutcome.REFUSED, "another server has a newer one, and the one here holds files "
                                          "that no "
                    f"import has put there ({some(others)}): move them away")


def wrong(source: Source, text: str) -> Refused:
    return Refused(JobOutcome.WRONG, f"refused from {source.peer} ({source.address}): {text}")


def of_the_disk(exc: OSError) -> Result:
    if exc.errno in (errno.ENOSPC, errno.EDQUOT):
        return Result(JobOutcome.NO_ROOM, "the disk of the trees folder is full")
    if exc.errno == errno.EROFS:
        return Result(JobOutcome.DISK, "the trees folder is read-only")
    if exc.errno in (errno.EACCES, errno.EPERM):
        return Result(JobOutcome.DISK, f"root may not write in the trees folder (for NFS: no_root_squash): "
                      f"{exc.strerror}")
    return Result(JobOutcome.DISK, f"{os.path.basename(str(exc.filename or 'the trees folder'))}: "
                  f"{exc.strerror or exc}")
