"""Which package repositories an install tree has, as its own .treeinfo says.

Owns the reading of the disk for this; the one fact of a tree that files are rendered from. A tree whose
.treeinfo is not understood, or names what is not there, has none: then its installer finds them by itself.
"""

from __future__ import annotations

import configparser
import posixpath
from collections.abc import Iterator
from pathlib import Path

_REPOMD = "repodata/repomd.xml"
_BASE = "BaseOS"


def repositories(trees_dir: Path, tree: str) -> tuple[str, ...]:
    """The repositories of the tree, as paths below the trees directory, the basic one first."""
    info = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        info.read_string((trees_dir / tree / ".treeinfo").read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, configparser.Error):
        return ()
    named = sorted(_named_repositories(info), key=lambda one: posixpath.basename(one) != _BASE)
    found = [posixpath.normpath(posixpath.join(tree, one)) for one in named]
    if any(one.startswith(("..", "/")) or not (trees_dir / one / _REPOMD).is_file() for one in found):
        return ()  # half a list would leave packages out
    return tuple(dict.fromkeys(found))


def _named_repositories(info: configparser.ConfigParser) -> Iterator[str]:
    """productmd's .treeinfo: a section for each variant; before RHEL 7 and without variants, `general`."""
    variants = [info[name] for name in info.sections() if name.startswith("variant-")]
    found = [one["repository"] for one in variants if one.get("type") == "variant" and "repository" in one]
    if found:
        yield from found
    elif info.has_option("general", "repository"):
        yield info["general"]["repository"] or "."
