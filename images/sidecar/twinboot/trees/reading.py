"""The manifest of a tree on the disk, and which trees there are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from .manifest import FILE_NAME, Manifest, ManifestError, decode

_MOST = 512 << 20


def read_manifest(tree: Path) -> Manifest | None:
    """None: it has none, or one that is worth nothing."""
    try:
        return strict_manifest(tree)
    except (OSError, ManifestError):
        return None


def strict_manifest(tree: Path) -> Manifest:
    """OSError, ManifestError."""
    path = tree / FILE_NAME
    if path.stat().st_size > _MOST:
        raise ManifestError("is too big for a manifest")
    try:
        return decode(path.read_text(encoding="ascii"))
    except UnicodeDecodeError as exc:
        raise ManifestError("is no ASCII text") from exc


def folders(trees: Path) -> Iterator[Path]:
    """Those that could be a tree, in the order of their names. OSError."""
    for one in sorted(trees.iterdir()):
        if one.is_dir() and not one.name.startswith(".") and one.name != "lost+found":
            yield one
