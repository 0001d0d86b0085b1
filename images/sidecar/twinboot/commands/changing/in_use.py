"""The site that is in use on this server, as its record on the disk has it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from twinboot import paths

from ..options import fail, located

if TYPE_CHECKING:
    from twinboot.rollout.record import Record
    from twinboot.site import Site


def read_record(path: Path = paths.SITE_RECORD) -> Record | None:
    """The record of the site; None before the first start."""
    from twinboot.adapters.statefile import StateFile
    from twinboot.errors import ResourceError
    from twinboot.rollout.record import MAX_BYTES, decode_record

    try:
        data = StateFile(path, MAX_BYTES).read()
        return decode_record(data) if data is not None else None
    except (ResourceError, ValueError) as exc:
        fail(f"{path}: {exc}; `scripts/twinboot forget-site` and `make up` take the site file again")


def committed_site(path: Path = paths.SITE_RECORD) -> tuple[Site, int] | None:
    """The site that was applied last, and its number. SiteError when this release cannot read it."""
    record = read_record(path)
    return None if record is None else (site_of(record.committed.text), record.committed.version.number)


def site_of(text: str) -> Site:
    from twinboot.site import loads

    return loads(text, json_text=text.lstrip().startswith("{"))


def site(
    record: Annotated[Path, located("--record", "The site in use", paths.SITE_RECORD)] = paths.SITE_RECORD,
) -> None:
    """Print the site file that is in use on this server, as it was applied."""
    known = read_record(record)
    if known is None:
        fail("no site is in use here yet: `make up`")
    sys.stdout.write(known.committed.text)


def forget_site(
    record: Annotated[Path, located("--record", "The site in use", paths.SITE_RECORD)] = paths.SITE_RECORD,
) -> None:
    """Forget the applied site: the site file counts at the next start, unless a peer has a newer one."""
    try:
        record.unlink(missing_ok=True)
    except OSError as exc:
        fail(f"{record} cannot be removed: {exc}")
    print("forgotten; `make up` starts with the site file")
