"""What `twinboot logs` prints: what an installer has said by syslog, as this server has heard and kept it.

Reads the files of agent/machines/log_files.py; their lines are clean and bounded.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from pathlib import Path

from twinboot.paths import MACHINE_LOGS

from . import client
from .options import fail

_LOOK_EVERY_S = 0.5


def run(name: str, *, follow: bool, folder: Path = MACHINE_LOGS) -> None:
    """Ends with 1 when this server has heard nothing of the host, or there is none."""
    try:
        reply = client.ask("machine", {"name": name})
    except client.AgentDown as exc:
        fail(str(exc))
    if not reply.get("ok"):
        fail(f"logs: {reply.get('error')}")
    me = os.environ.get("TWINBOOT_SERVER", "")
    story = reply["machine"].get("story", ())
    others = sorted({one["server"] for one in story if one["server"] not in ("", me)})
    path = folder / f"{name}.log"
    heard = [one for one in (path.with_suffix(".log.old"), path) if one.exists()]
    if others:
        print(f"twinboot: {', '.join(others)} has heard it, too; ask there as well", file=sys.stderr)
    if not heard and not follow:
        fail(f"logs: this server has heard nothing of {name}")
    with contextlib.suppress(KeyboardInterrupt, BrokenPipeError):
        for one in heard:
            sys.stdout.write(one.read_text(encoding="utf-8", errors="replace"))
        sys.stdout.flush()
        if follow:
            _follow(path)


def _follow(path: Path) -> None:
    """For ever. A file that was replaced by a new one is read from its beginning."""
    at, inode = _end(path)
    while True:
        time.sleep(_LOOK_EVERY_S)
        size, now = _end(path)
        if now != inode:
            at, inode = 0, now
        if size > at:
            with path.open("rb") as file:
                file.seek(at)
                data = file.read(size - at)
            at += len(data)
            sys.stdout.write(data.decode("utf-8", "replace"))
            sys.stdout.flush()


def _end(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except FileNotFoundError:
        return 0, 0
    return found.st_size, found.st_ino
