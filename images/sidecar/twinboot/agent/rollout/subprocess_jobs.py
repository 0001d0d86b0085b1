"""What takes seconds of the processor for a site of thousands of hosts: in a process of its own with the
lowest priority, since a thread would hold the interpreter's lock while a heartbeat is due. Small sites take
a thread, which begins sooner.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import logging
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from twinboot.core.effects import LogLevel
from twinboot.log import log_event

log = logging.getLogger(__name__)

SMALL = 64 << 10
"""Characters of all that is told: some hundred hosts."""
LIMIT_S = 50.0
"""Whoever waits for it by HTTP waits for a minute."""
_JOBS = {"compare": "texts", "between": "texts", "meanwhile": "texts", "read": "texts", "hosts": "hosts"}
"""By job, the module here that has a function of its name, with `_job` after it."""
_RUN = (
    "import os, sys; os.nice(19); sys.path.insert(0, sys.argv[1]); "
    "from twinboot.agent.rollout.subprocess_jobs import main; main()"
)
_PLACE = str(Path(__file__).parents[3])


async def run(job: str, said: Mapping[str, Any]) -> dict[str, Any]:
    """said, and what comes back: JSON values. A refusal when it takes too long, or fails."""
    return await asyncio.to_thread(_run, {"job": job, **said})


def main() -> None:
    """In the process: one job, from the standard input to the standard output."""
    sys.stdout.write(json.dumps(_do(json.loads(sys.stdin.buffer.read()))))


def _run(said: dict[str, Any]) -> dict[str, Any]:
    data = json.dumps(said).encode()
    if len(data) <= SMALL:
        return _do(said)
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-c", _RUN, _PLACE], input=data, capture_output=True, timeout=LIMIT_S,
            check=True,
        )
        reply: dict[str, Any] = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        return _failed(said["job"], f"it was not worked out within {LIMIT_S:g} s: this server is too busy")
    except (OSError, ValueError, subprocess.CalledProcessError) as exc:
        last = (getattr(exc, "stderr", b"") or b"").decode("utf-8", "replace").strip().splitlines()
        return _failed(said["job"], f"it could not be worked out: {last[-1] if last else exc}")
    return reply


def _failed(job: str, error: str) -> dict[str, Any]:
    log_event(log, LogLevel.WARNING, "site-job-failed", job=job, reason=error)
    return {"ok": False, "status": 503, "error": f"{error}; nothing was changed"}


def _do(said: dict[str, Any]) -> dict[str, Any]:
    job = str(said.pop("job"))
    module = importlib.import_module(f".{_JOBS[job]}", __package__)
    made: dict[str, Any] = getattr(module, f"{job}_job")(said)
    return made
