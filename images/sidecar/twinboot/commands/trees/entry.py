"""A tree and a profile as the site file has them, and how they are put into it: two pieces, and every other
byte of an operator's file stays as it is (site.editing)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twinboot.commands import site_file as files
from twinboot.site import editing
from twinboot.site.editing import EditError
from twinboot.trees.manifest import Manifest

_TREES, _PROFILES = "trees", "profiles"


def key_of(name: str) -> str:
    """The tree's key in the site file, whose names have no dots."""
    return name.replace(".", "-")


def entries(manifest: Manifest) -> dict[str, dict[str, Any]]:
    """What the site file has to say of a tree: `trees` and `profiles`, an entry each."""
    key = key_of(manifest.name)
    initrds = list(manifest.initrds)
    tree: dict[str, Any] = {"path": manifest.name, "kernel": manifest.kernel}
    tree["initrd"] = initrds[0] if len(initrds) == 1 else initrds
    profile: dict[str, Any] = {"tree": key, "installer": manifest.kind}
    if manifest.release:
        profile["version"] = manifest.release
    return {_TREES: {key: tree}, _PROFILES: {key: profile}}


def lines(manifest: Manifest) -> str:
    return editing.block_lines(entries(manifest))


def check_names(site_file: Path, name: str) -> None:
    """EditError: the file cannot take a tree and a profile of this name."""
    document = editing.read(files.read(site_file))
    for section in (_TREES, _PROFILES):
        if key_of(name) in (document.get(section) or {}):
            raise EditError(f"{site_file.name} has {section}.{key_of(name)} already: take another --name, "
                            "or edit it by hand")  # fmt: skip


def with_entries(text: str, manifest: Manifest) -> str:
    """The site file with both entries. EditError."""
    put: dict[tuple[str, ...], object] = {
        (section, key): value for section, entry in entries(manifest).items() for key, value in entry.items()
    }
    return editing.edited(text, put, block=True)
