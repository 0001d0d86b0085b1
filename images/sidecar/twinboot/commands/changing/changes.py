"""What another site would change: entry by entry, and file by file for each server."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from twinboot import paths

if TYPE_CHECKING:
    from twinboot.site import Site

_MAX_LINES = 400
_MAX_VALUE = 60


@dataclass(frozen=True, slots=True)
class FileChange:
    """How one rendered file changes: lines that come and go, and the unified difference."""

    path: str
    added: int
    removed: int
    diff: tuple[str, ...]


def entry_lines(old: Site, new: Site) -> Iterator[str]:
    """One line for each entry that differs."""
    from twinboot.site.difference import differences

    for one in differences(old.model_dump(mode="json"), new.model_dump(mode="json")):
        yield f"  {one.path}: {_short(one.here)} -> {_short(one.there)}"


def _short(text: str) -> str:
    return text if len(text) <= _MAX_VALUE else text[:_MAX_VALUE - 3] + "..."


def file_changes(
    old: Site, new: Site, server: str, *, config: Path = paths.CONFIG, etc: Path = paths.ETC,
    trees: Path = paths.TREES,
) -> dict[str, FileChange]:
    """By path, of the files of one server. One that only one of the sites names has none in the other."""
    from twinboot.render import rendered_for

    texts: list[Mapping[str, str]] = []
    for site in (old, new):
        if server not in site.servers:
            texts.append({})
            continue
        made = rendered_for(site, server, config, etc, trees)
        texts.append({**made.etc, **made.pub})
    found = {}
    for path in sorted({*texts[0], *texts[1]}):
        hidden = path.startswith("sidecar/") or "/private/" in f"/{path}"
        if hidden or texts[0].get(path) == texts[1].get(path):
            continue
        before, after = (text.get(path, "").splitlines() for text in texts)
        diff = tuple(difflib.unified_diff(before, after, f"{path} now", f"{path} then", lineterm="", n=1))
        added = sum(line.startswith("+") for line in diff) - 1
        removed = sum(line.startswith("-") for line in diff) - 1
        found[path] = FileChange(path, max(added, 0), max(removed, 0), diff)
    return found


def file_lines(changes: Mapping[str, Mapping[str, FileChange]], *, full: bool) -> Iterator[str]:
    """changes: by server. What is the same on all servers is shown once."""
    paths_of = {path for files in changes.values() for path in files}
    lines = 0
    for path in sorted(paths_of):
        users: dict[FileChange, list[str]] = {}
        for server, files in changes.items():
            if path in files:
                users.setdefault(files[path], []).append(server)
        for change, servers in users.items():
            who = "all servers" if len(servers) == len(changes) else ", ".join(servers)
            if lines < _MAX_LINES or full:
                yield f"  {path}: +{change.added} -{change.removed} on {who}"
            lines += 1
            if full:
                yield from (f"    {line}" for line in change.diff)
    if lines > _MAX_LINES and not full:
        yield f"  and {lines - _MAX_LINES} files more"
