"""%pre and %post: runs them the way Anaconda does (chroot or not, log file, --erroronfail)."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from standin.errors import InstallError
from standin.kickstart import Plan, Script
from standin.report import Report


def _run(script: Script, root: Path, number: int) -> int:
    base = root if script.in_chroot else Path("/")
    (base / "tmp").mkdir(exist_ok=True)
    file = base / f"tmp/ks-script-{number}"
    file.write_text(script.text, encoding="utf-8")
    file.chmod(0o700)
    name = str(file.relative_to(base))
    command = [*script.interpreter.split(), f"/{name}"]
    log = base / script.log.lstrip("/") if script.log else Path(f"/tmp/ks-script-{number}.log")
    log.parent.mkdir(parents=True, exist_ok=True)

    def enter() -> None:
        os.chroot(root)
        os.chdir("/")

    try:
        with log.open("wb") as output:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
                preexec_fn=enter if script.in_chroot else None,
            )
    except OSError:
        return 127  # no such interpreter in there
    finally:
        file.unlink(missing_ok=True)
    return done.returncode


def run_scripts(kind: str, plan: Plan, root: Path, report: Report) -> None:
    """Runs every section of one kind in the file's order; a failing one ends the install if it says so."""
    for number, script in enumerate((item for item in plan.scripts if item.kind == kind), start=1):
        status = _run(script, root, number)
        report("script", kind=kind, n=number, status=status)
        if status != 0 and script.error_on_fail:
            raise InstallError(f"%{kind} number {number} ended with {status}")
