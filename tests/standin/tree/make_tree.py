#!/usr/bin/env python3
"""Completes an install tree: .treeinfo, world-readable modes, equal times, and the manifest SHA256SUMS.

usage: make_tree.py TREE_DIR
"""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

EPOCH_S = 1704067200
IMAGES = ("images/pxeboot/vmlinuz", "images/pxeboot/initrd.img", "images/install.img")


def digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def treeinfo(tree: Path) -> str:
    """The layout that Anaconda reads (productmd's .treeinfo 1.2, the parts an installer needs)."""
    checksums = "".join(f"{name} = sha256:{digest(tree / name)}\n" for name in IMAGES)
    return (
        "[header]\ntype = productmd.treeinfo\nversion = 1.2\n\n"
        "[general]\nfamily = Twinboot installer stand-in\nversion = 9.0\narch = x86_64\nplatforms = x86_64\n"
        f"packagedir = Packages\nrepository = .\ntimestamp = {EPOCH_S}\nvariant = standin\n\n"
        f"[images-x86_64]\nkernel = {IMAGES[0]}\ninitrd = {IMAGES[1]}\n\n"
        f"[stage2]\nmainimage = {IMAGES[2]}\n\n"
        f"[checksums]\n{checksums}"
    )


def main(tree: Path) -> None:
    (tree / ".treeinfo").write_text(treeinfo(tree), encoding="ascii")
    files = sorted(str(path.relative_to(tree)) for path in tree.rglob("*") if path.is_file())
    manifest = "".join(f"{digest(tree / name)}  {name}\n" for name in files)
    (tree / "SHA256SUMS").write_text(manifest, encoding="ascii")
    for path in (tree, *tree.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
        os.utime(path, (EPOCH_S, EPOCH_S))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
