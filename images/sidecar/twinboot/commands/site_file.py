"""The operator's site file on the disk: read as it is, written in one step."""

from __future__ import annotations

import os
from pathlib import Path

from twinboot.site.editing import EditError

_MAX_BYTES = 64 << 20


def read(site_file: Path) -> str:
    """The site file's text, with its own line ends. EditError."""
    try:
        with site_file.open("rb") as file:
            return file.read(_MAX_BYTES).decode("utf-8")
    except OSError as exc:
        raise EditError(f"{site_file} cannot be read: {exc.strerror}") from exc
    except UnicodeDecodeError as exc:
        raise EditError(f"{site_file} is no UTF-8 text: {exc.reason} at byte {exc.start}") from exc


def write(site_file: Path, text: str) -> None:
    """Writes the site file, with owner and mode that it had. OSError."""
    place = site_file.resolve()
    state = place.stat()
    part = place.with_name(f".{place.name}.part")
    with part.open("wb") as file:
        os.fchmod(file.fileno(), state.st_mode & 0o7777)
        os.fchown(file.fileno(), state.st_uid, state.st_gid)
        file.write(text.encode())
        file.flush()
        os.fsync(file.fileno())
    part.replace(place)
