"""A file of an install tree as clients get it: there, and open to everyone on its whole way.

The sidecar may read everything, the daemons may not: what counts are the modes
(path_resolution(7)). Owns no judgement of a whole tree; that is `check`'s.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

_MOUNTINFO = Path("/proc/self/mountinfo")


def reason_not_served(top: Path, name: str) -> str:
    """Why clients do not get the file `name` below the trees folder, in words; empty: they do."""
    place = top
    parts = name.split("/")
    for number, part in enumerate(("", *parts)):
        place = place / part
        try:
            state = os.stat(place)
        except OSError as exc:
            return f"{_shown(place, top)}: {(exc.strerror or str(exc)).lower()}"
        mode = state.st_mode
        needed = stat.S_IROTH if number == len(parts) else stat.S_IROTH | stat.S_IXOTH
        if mode & needed != needed:
            return f"{_shown(place, top)}: mode {stat.S_IMODE(mode):04o} keeps clients out"
    if not stat.S_ISREG(state.st_mode):
        return f"{name}: not a file"
    return "" if state.st_size else f"{name}: is empty"


def _shown(place: Path, top: Path) -> str:
    return str(place.relative_to(top)) if place != top else "the trees folder"


def follows_mounts(place: Path) -> bool | None:
    """Whether what the server mounts below this mount later is seen here, too; None: no mount of its own.

    mount_namespaces(7): a mount that takes part has `master:N` or `shared:N` among its optional fields.
    """
    try:
        lines = _MOUNTINFO.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    found = None
    for line in lines:  # the last one lies on top
        fields = line.split(" ")
        if len(fields) > 6 and fields[4] == str(place):
            optional = fields[6:fields.index("-")] if "-" in fields else []
            found = any(one.startswith(("master:", "shared:")) for one in optional)
    return found
