"""The order of an install, the same in a machine and in a container; each step is reported.

Where the root comes from (disk or directory) and what makes it bootable are the caller's.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from standin.errors import InstallError
from standin.fetch import fetch
from standin.kickstart import Plan, read_plan
from standin.packages import install
from standin.report import Report
from standin.scripts import run_scripts
from standin.settings import write_manifest, write_settings
from standin.verify import read_manifest, verify


def read_kickstart(path: Path, report: Report) -> Plan:
    plan = read_plan(path)
    url = plan.url or plan.mirrorlist or ""
    report("kickstart", version=plan.version, url=url, packages=len(plan.selection.packages))
    run_scripts("pre", plan, Path("/"), report)
    return read_plan(path)  # once more, with what %pre has written for an %include: so does Anaconda


def repository(plan: Plan, boot_source: str | None) -> str:
    """`url --url` of the kickstart, else the tree that stage 1 booted from."""
    url = plan.url or boot_source
    if not url:
        raise InstallError("neither url --url nor inst.stage2= nor inst.repo= names a tree")
    return url.rstrip("/")


def fill_root(plan: Plan, url: str, root: Path, report: Report) -> None:
    """Installs, verifies and configures the system under `root`."""
    fetched = install(
        url=url, mirrorlist=plan.mirrorlist, root=root, selection=plan.selection, report=report
    )
    report("install-done", packages=len(fetched))
    with tempfile.TemporaryDirectory() as work:
        manifest = Path(work) / "SHA256SUMS"
        fetch(f"{url}/SHA256SUMS", manifest)
        proof = verify(root, fetched, read_manifest(manifest.read_text(encoding="utf-8")))
    shutil.rmtree(root / "var/cache/dnf", ignore_errors=True)
    report(
        "verified",
        packages=proof.packages,
        bytes=proof.bytes,
        sha256=proof.sha256,
        files=proof.files,
        file_bytes=proof.file_bytes,
    )
    host = write_settings(plan, root)
    write_manifest(proof, root)
    run_scripts("post", plan, root, report)
    report("configured", host=host)
