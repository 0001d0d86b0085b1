"""Which profiles use a tree: those of the site in use, and of the site file as it stands."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from twinboot.commands.changing import in_use
from twinboot.site import SiteError, load

if TYPE_CHECKING:
    from twinboot.site import Site


def sites(site_file: Path, record: Path) -> list[Site]:
    """The site in use, and that of the site file, if there are any. SiteError: one of them cannot be read."""
    found = []
    committed = in_use.committed_site(record)
    if committed is not None:
        found.append(committed[0])
    if site_file.exists():
        found.append(load(site_file))
    return found


def users(known: list[Site], folder: str) -> list[str]:
    """Names of profiles whose tree lies in this folder of the trees folder; of trees that none uses,
    `trees.NAME`."""
    found: dict[str, None] = {}
    for site in known:
        for name, tree in site.trees.items():
            if tree.path.split("/")[0] != folder:
                continue
            profiles = [one for one, profile in site.profiles.items() if profile.tree == name]
            found |= dict.fromkeys(profiles or [f"trees.{name}"])
    return list(found)


__all__ = ["SiteError", "sites", "users"]
