"""The programs of the host that the suite and twinlab may start. All else they need is in the lab's images.

That is what the README asks of a machine: Docker Engine with Compose, Python, git and make, and what every
Debian and Ubuntu has. tests/unit/house/test_host_programs.py looks for others in the sources, and a run of
pytest finds none but these in its PATH, also where somebody has installed more.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

ASKED_FOR = frozenset({"docker", "git", "make", "python3"})
BASE_SYSTEM = frozenset({
    "awk", "basename", "bash", "cat", "chmod", "cp", "cut", "date", "dirname", "du", "env", "false", "find",
    "flock", "grep", "gzip", "head", "id", "kill", "ln", "ls", "mkdir", "mkfifo", "mktemp", "mv", "nice",
    "printf",
    "readlink", "rm", "rmdir", "sed", "seq", "sh", "sha256sum", "sleep", "sort", "stat", "tail",
    "tar", "tee", "test", "touch", "tr", "true", "uname", "wc", "xargs",
})  # fmt: skip
PROGRAMS = ASKED_FOR | BASE_SYSTEM
OWN_SCRIPTS = frozenset({"scripts/lab", "tests/debian/build.sh", "tests/standin/build.sh"})
"""Of this repository, and held to the same programs."""


def link(folder: Path, path: Iterable[str]) -> None:
    """Fill the folder with links to these programs, and to docker's own helpers (of credentials, say)."""
    for place in map(Path, path):
        found = [place / name for name in sorted(PROGRAMS)] + sorted(place.glob("docker-*"))
        for program in found:
            if os.access(program, os.X_OK) and program.is_file() and not (folder / program.name).exists():
                (folder / program.name).symlink_to(program.absolute())
