"""The secrets of a webhook, from their file: read for each attempt, so that a new one counts at once."""

from __future__ import annotations

import stat
from pathlib import Path

from twinboot.errors import ResourceError

_MOST_BYTES = 4096


def text_of(config: Path, name: str) -> str:
    """ResourceError says what is wrong with the file. A file that everybody may read is no secret."""
    path, resource = config / name, f"secret {name}"
    try:
        if not path.resolve().is_relative_to(config.resolve()):
            raise ResourceError(resource, "leads out of the config folder; put the file itself there")
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            raise ResourceError(resource, "is no file")
        if mode & 0o007:
            raise ResourceError(resource, f"mode {stat.S_IMODE(mode):04o} lets everyone read it; chmod 600")
        with path.open(encoding="ascii") as file:
            return file.read(_MOST_BYTES)
    except FileNotFoundError as exc:
        raise ResourceError(resource, "is not there; every server needs the same one") from exc
    except (OSError, UnicodeDecodeError) as exc:
        raise ResourceError(resource, f"cannot be read: {exc}") from exc
