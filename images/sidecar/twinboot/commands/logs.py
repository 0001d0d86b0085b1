"""What `twinboot logs` prints: what an installer has said by syslog, as all servers have heard and kept it.

Follows the file of agent/machines/logs/log_files.py; its lines are clean and bounded.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from twinboot.paths import MACHINE_LOGS

from . import client
from .options import fail

_LOOK_EVERY_S = 0.5
_PEERS_LIMIT_S = 10.0


def run(name: str, *, follow: bool, folder: Path = MACHINE_LOGS) -> None:
    """What all servers have heard, in order of time; then, to follow, what this one hears. Ends with 1 when
    nobody has heard anything of the host, or there is none."""
    try:
        reply = client.ask("log", {"name": name}, timeout_s=_PEERS_LIMIT_S, most_bytes=client.LARGE_REPLY)
    except client.AgentDown as exc:
        fail(str(exc))
    if not reply.get("ok"):
        fail(f"logs: {reply.get('error')}")
    path = folder / f"{name}.log"
    end = _end(path)
    for server in reply["silent"]:
        print(f"twinboot: {server} gave no answer (an older release?); ask there as well", file=sys.stderr)
    for server in reply["left_out"]:
        print(f"twinboot: {server} has more than is shown; `twinboot logs` there shows it", file=sys.stderr)
    if not reply["lines"] and not follow:
        fail(f"logs: no server has heard anything of {name}")
    with contextlib.suppress(KeyboardInterrupt, BrokenPipeError):
        sys.stdout.write(text_of(reply["lines"]))
        sys.stdout.flush()
        if follow:
            _follow(path, *end)


def text_of(lines: Sequence[Sequence[str]]) -> str:
    """server and line each. The server is named where several have heard something."""
    several = len({server for server, _ in lines}) > 1
    width = max((len(server) for server, _ in lines), default=0)
    return "".join(f"{server:<{width}} {line}\n" if several else f"{line}\n" for server, line in lines)


def _follow(path: Path, at: int, inode: int) -> None:
    """For ever, from there on. A file that was replaced by a new one is read from its beginning."""
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
