"""Proof that an install is complete: every package against the tree's manifest, every file against RPM's.

Three independent sayings must agree: what dnf chose, what the tree's SHA256SUMS says, what is on the disk.
"""

from __future__ import annotations

import hashlib
import stat
from dataclasses import dataclass
from pathlib import Path

import rpm

from standin.errors import InstallError
from standin.packages import Fetched


@dataclass(frozen=True)
class Proof:
    """What was verified. `sha256` is that of the manifest's lines of the installed packages, in order:
    `grep ' Packages/' SHA256SUMS | sha256sum` gives the same for a whole tree."""

    packages: int
    bytes: int
    sha256: str
    files: int
    file_bytes: int
    installed: tuple[tuple[str, str], ...]  # (sha256, path) of every regular file


def digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def read_manifest(text: str) -> dict[str, str]:
    """SHA256SUMS -> {path inside the tree: digest}."""
    pairs = (row.split("  ", 1) for row in text.splitlines() if "  " in row)
    return {name.strip(): value for value, name in pairs}


def check_packages(fetched: list[Fetched], manifest: dict[str, str]) -> tuple[int, str]:
    """Bytes and digest of the downloaded packages; raises when one differs from the tree's manifest."""
    rows = []
    total = 0
    for package in sorted(fetched, key=lambda item: item.location):
        expected = manifest.get(package.location)
        found = digest(package.file)
        if expected is None:
            raise InstallError(f"{package.location} is not in the tree's manifest")
        if found != expected:
            raise InstallError(f"{package.location} differs from the tree: {found} is not {expected}")
        rows.append(f"{found}  {package.location}\n")
        total += package.file.stat().st_size
    return total, hashlib.sha256("".join(rows).encode()).hexdigest()


def check_files(root: Path, wanted: set[str]) -> list[tuple[str, str, int]]:
    """(digest, path, size) of every installed file; raises when one is missing or differs."""
    rpm.addMacro("_dbpath", "/usr/lib/sysimage/rpm")
    transaction = rpm.TransactionSet(str(root))
    transaction.setVSFlags(rpm.RPMVSF_MASK_NOSIGNATURES)
    present: set[str] = set()
    checked: list[tuple[str, str, int]] = []
    for header in transaction.dbMatch():
        present.add(f"{header['name']}-{header['version']}-{header['release']}.{header['arch']}")
        for entry in rpm.files(header):
            if not stat.S_ISREG(entry.mode) or entry.fflags & rpm.RPMFILE_GHOST:
                continue
            path = root / entry.name.lstrip("/")
            if not path.is_file() or path.stat().st_size != entry.size:
                raise InstallError(f"{entry.name} is missing or has another size")
            found = digest(path)
            if found != entry.digest:
                raise InstallError(f"{entry.name} differs from its package")
            checked.append((found, entry.name, int(entry.size)))
    if present != wanted:
        raise InstallError(f"installed packages differ from those chosen: {sorted(present ^ wanted)}")
    return sorted(checked, key=lambda item: item[1])


def verify(root: Path, fetched: list[Fetched], manifest: dict[str, str]) -> Proof:
    """All checks; returns the proof or raises InstallError naming the first fault."""
    total, summary = check_packages(fetched, manifest)
    files = check_files(root, {package.name for package in fetched})
    return Proof(
        packages=len(fetched),
        bytes=total,
        sha256=summary,
        files=len(files),
        file_bytes=sum(size for _, _, size in files),
        installed=tuple((found, name) for found, name, _ in files),
    )
