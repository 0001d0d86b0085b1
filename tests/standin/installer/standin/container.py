"""The same install played by a container: PXE exchange, stage 1's downloads, then stage 2's own code.

No disk, no boot loader: the system is put into a directory and verified there. One report line per step
on stdout; exit code 0 = complete, 1 = failed.
"""

from __future__ import annotations

import argparse
import configparser
import os
import sys
import tempfile
from pathlib import Path

from standin.errors import InstallError
from standin.fetch import fetch
from standin.netboot import boot
from standin.report import Report, stdout_reporter
from standin.steps import fill_root, read_kickstart, repository


def stage2_image(source: str, work: Path) -> str:
    """.treeinfo's mainimage, else Anaconda's customary place."""
    image = "images/install.img"
    try:
        fetch(f"{source}/.treeinfo", work / "treeinfo")
    except InstallError:
        return image
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(work / "treeinfo", encoding="utf-8")
    return parser.get("stage2", "mainimage", fallback=image)


def first_of(urls: list[str], path: Path) -> tuple[str, int]:
    """The first of these that can be fetched, and its size."""
    for url in urls[:-1]:
        try:
            return url, fetch(url, path)
        except InstallError:
            continue
    return urls[-1], fetch(urls[-1], path)


def first_with_stage2(sources: list[str], work: Path, report: Report) -> str:
    """Fetches stage 2 from the first tree that gives it; that tree."""
    for source in (url.rstrip("/") for url in sources):
        image = stage2_image(source, work)
        report("stage2-fetch", url=f"{source}/{image}")
        try:
            size = fetch(f"{source}/{image}", work / "install.img")
        except InstallError as exc:
            fault = exc
            continue
        report("stage2-fetched", bytes=size)
        return source
    raise fault


def install_container(interface: str, root: Path, work: Path, report: Report) -> None:
    entry = boot(interface, work, report)
    sources = entry.locations("inst.stage2") or entry.locations("inst.repo")
    kickstarts = entry.locations("inst.ks")
    if not sources or not kickstarts:
        raise InstallError("the boot file lacks inst.ks=, or both inst.stage2= and inst.repo=")
    report("stage1", source=sources[0].rstrip("/"))
    kickstart, size = first_of(kickstarts, work / "ks.cfg")
    report("kickstart-fetched", url=kickstart, bytes=size)
    source = first_with_stage2(sources, work, report)
    (work / "install.img").unlink()
    plan = read_kickstart(work / "ks.cfg", report)
    fill_root(plan, repository(plan, source), root, report)
    report("complete", end=plan.end)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--interface", default=os.environ.get("INTERFACE", "eth0"))
    parser.add_argument("--root", type=Path, default=Path("/mnt/sysroot"))
    options = parser.parse_args()
    report = stdout_reporter()
    options.root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as work:
        try:
            install_container(options.interface, options.root, Path(work), report)
        except InstallError as exc:
            report("failed", reason=exc)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
