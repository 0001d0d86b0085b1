"""Packages by dnf and librepo, through dnf's own API, as Anaconda's payload does it.

Owns the repository, the choice of packages and the transaction. Patience (retries, time-outs, low speed)
is dnf's own, changed only where the kickstart says so. Checks nothing afterwards: that is verify.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dnf
import dnf.callback
import dnf.exceptions

from standin.errors import InstallError
from standin.groups import Groups
from standin.kickstart import Selection
from standin.report import Report


@dataclass(frozen=True)
class Fetched:
    """One package as it came over the network."""

    name: str
    location: str  # its path inside the tree, as in the manifest
    file: Path
    size: int


class _Progress(dnf.callback.DownloadProgress):
    """Reports each package as it arrives."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._total = 0
        self._done = 0
        self._bytes = 0

    def start(self, total_files: int, total_size: int, total_drpms: int = 0) -> None:
        self._total = total_files
        self._report("install-start", packages=total_files, bytes=total_size)

    def progress(self, payload: Any, done: int) -> None:
        """Bytes in between are counted on the wire, not here."""

    def end(self, payload: Any, status: int, msg: str) -> None:
        if status == dnf.callback.STATUS_FAILED:
            self._report("package-failed", name=payload, reason=msg)
            return
        if status == dnf.callback.STATUS_MIRROR:  # one attempt went wrong; librepo makes another
            self._report("package-retry", name=payload, reason=msg)
            return
        self._done += 1
        self._bytes += int(payload.download_size)
        self._report("package", n=self._done, of=self._total, name=str(payload), bytes=self._bytes)


def _base(url: str, mirrorlist: str | None, root: Path, selection: Selection, cache: Path) -> Any:
    base = dnf.Base()
    conf = base.conf
    conf.installroot = str(root)
    conf.cachedir = str(cache)
    conf.logdir = str(cache)
    conf.persistdir = str(root / "var/lib/dnf")
    conf.reposdir = []
    conf.plugins = False
    conf.gpgcheck = False
    conf.install_weak_deps = False
    conf.keepcache = True
    conf.substitutions["releasever"] = "9"
    if selection.retries is not None:
        conf.retries = selection.retries
    if selection.timeout_s is not None:
        conf.timeout = selection.timeout_s
    repo = dnf.repo.Repo("standin", conf)
    if mirrorlist:
        repo.mirrorlist = mirrorlist
    else:
        repo.baseurl = [url]
    base.repos.add(repo)
    return base


def _select(base: Any, selection: Selection) -> list[str]:
    """Marks everything asked for; returns what the repository does not have."""
    comps = base.repos["standin"]._repo.getCompsFn()
    groups = Groups(Path(comps) if comps else None)
    wanted: dict[str, None] = dict.fromkeys(selection.packages)
    missing: list[str] = []
    asked = [(f"@{name}", groups.group(name)) for name in selection.groups]
    if selection.environment:
        asked.append((f"@^{selection.environment}", groups.environment(selection.environment)))
    if selection.add_core:
        asked.append(("@core", groups.group("core")))
    for name, members in asked:
        if members is None:
            missing.append(name)
        else:
            wanted.update(dict.fromkeys(members))
    for name in wanted:
        if name in selection.excluded:
            continue
        try:
            base.install(name)
        except dnf.exceptions.Error:
            missing.append(name)
    return missing


def install(
    *, url: str, mirrorlist: str | None, root: Path, selection: Selection, report: Report
) -> list[Fetched]:
    """Downloads and installs what %packages asks for; the downloaded files stay in the cache."""
    with _base(url, mirrorlist, root, selection, root / "var/cache/dnf") as base:
        try:
            base.fill_sack(load_system_repo=True)
            if selection.excluded:
                base.sack.add_excludes(base.sack.query().filter(name=list(selection.excluded)))
            missing = _select(base, selection)
            if missing and not selection.ignore_missing:
                raise InstallError(f"the repository has no {', '.join(missing)}")
            base.resolve()
            chosen = sorted(base.transaction.install_set, key=str)
            base.download_packages(chosen, _Progress(report))
            report("downloaded", packages=len(chosen), bytes=sum(int(pkg.downloadsize) for pkg in chosen))
            base.do_transaction()
        except dnf.exceptions.Error as exc:
            raise InstallError(f"dnf: {exc}") from exc
        return [
            Fetched(str(pkg), str(pkg.location), Path(pkg.localPkg()), int(pkg.downloadsize))
            for pkg in chosen
        ]
