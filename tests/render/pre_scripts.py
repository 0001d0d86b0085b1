"""Scripts that an installer runs before it looks at the disks, run by the host's sh on a machine to be."""

from __future__ import annotations

import os
import re
import subprocess

from kickstart_pre import Machine
from twinboot.installers.reporting import WATCH

_PLACES = re.compile(
    r"/sys/|/tmp/|/dev/console|/dev/twinboot(?=[/\s])|/var/(lib|log)/YaST2/|/proc/mounts|/mnt\b"
)
HELD = 7
"""The code of a script that would have waited for ever."""


def moved(machine: Machine, script: str) -> str:
    """It finds all that it looks for below the machine's folder; what would hold for ever ends."""
    text = _PLACES.sub(lambda found: f"{machine.top}{found[0]}", script.replace(WATCH, ""))
    text = text.replace(f"/proc{machine.top}/sys/", "/proc/sys/")
    return text.replace("sleep 60", f"exit {HELD}").replace('[ -b "', '[ -n "')


def run(machine: Machine, *scripts: str) -> tuple[int, str]:
    """In order, until one holds: the code of the last one, and what stands on the console."""
    top, path = machine.top, f"{machine.servers()}:{os.environ['PATH']}"
    for folder in ("tmp/profile", "dev"):
        (top / folder).mkdir(parents=True, exist_ok=True)
    (top / "dev/console").touch()
    code = 0
    for script in scripts:
        command = ["sh", "-c", moved(machine, script)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, env={"PATH": path})
        code = done.returncode
        assert code in (0, HELD), done.stderr
        if code:
            break
    return code, (top / "dev/console").read_text()
