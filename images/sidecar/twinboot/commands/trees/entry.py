"""A tree and a profile as the site file has them, and how they are put into it.

Owns the change of an operator's file: two pieces are put in, and every other byte stays as it is. Where that
cannot be done (mappings in braces), ruamel.yaml writes the file anew, with its comments, order and quotes.
What it reads is compared with what is wanted, before anything is written.
"""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from twinboot.trees.manifest import Manifest

_TREES, _PROFILES = "trees", "profiles"


class EntryError(Exception):
    """The site file was not changed; the text says why."""


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
    return _dumped(entries(manifest))


def check_names(site_file: Path, name: str) -> None:
    """EntryError: the file cannot take a tree and a profile of this name."""
    document = _loaded(_read(site_file))
    for section in (_TREES, _PROFILES):
        if key_of(name) in (document.get(section) or {}):
            raise EntryError(f"{site_file.name} has {section}.{key_of(name)} already: take another --name, "
                             "or edit it by hand")


def with_entries(text: str, manifest: Manifest) -> str:
    """The site file with both entries. EntryError."""
    wanted = _loaded(text)
    new = entries(manifest)
    for section, entry in new.items():
        there = wanted.get(section) or {}
        if not isinstance(there, dict):
            raise EntryError(f"its `{section}` is no mapping; scripts/twinboot check says what is wrong")
        wanted[section] = there | entry
    inserted = _inserted(text, new)
    if inserted is not None and _try_load(inserted) == wanted:
        return inserted
    rewritten = _rewritten(text, new)
    if _loaded(rewritten) != wanted:
        raise EntryError("the entries do not fit into it; add the lines by hand")
    return rewritten


def write(site_file: Path, text: str) -> None:
    """In one step, with owner and mode of the file that it was. OSError."""
    place = site_file.resolve()
    state = place.stat()
    part = place.with_name(f".{place.name}.part")
    with part.open("w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), state.st_mode & 0o7777)
        os.fchown(file.fileno(), state.st_uid, state.st_gid)
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(place)


def _inserted(text: str, new: Mapping[str, Mapping[str, Any]]) -> str | None:
    """With each entry after the last one of its section; None: a section is no block of lines."""
    at = {section: _end_of_section(text, section) for section in new}
    rows = text.splitlines(keepends=True)
    if rows and not rows[-1].endswith("\n"):
        rows[-1] += "\n"
    from_below = sorted(at.items(), key=lambda one: one[1][0] if one[1] else len(rows), reverse=True)
    for section, place in from_below:
        if place is None:
            rows.append(f"\n{_dumped({section: new[section]})}")
            continue
        line, indent = place
        if indent < 1:
            return None
        entry = _dumped(new[section]).splitlines()
        rows[line:line] = [f"{' ' * indent}{row}\n" for row in entry]
    return "".join(rows)


def _end_of_section(text: str, section: str) -> tuple[int, int] | None:
    """The line behind the last entry, and how far its keys are indented (0: they are not lines of their own).
    None: there is no such section."""
    root = _ruamel().load(text)
    if section not in root:
        return None
    block = root[section]
    begin = root.lc.key(section)[0]
    if not block or block.fa.flow_style():
        return begin, 0
    after = [root.lc.key(one)[0] for one in root if root.lc.key(one)[0] > begin]
    rows = text.splitlines()
    end = min(after, default=len(rows))
    while end > begin + 1 and (not rows[end - 1].strip() or rows[end - 1].startswith("#")):
        end -= 1
    return end, min(block.lc.key(one)[1] for one in block)


def _rewritten(text: str, new: Mapping[str, Mapping[str, Any]]) -> str:
    round_trip = _ruamel()
    root = round_trip.load(text)
    for section, entry in new.items():
        if not root.get(section):
            root[section] = {}
        root[section].update(entry)
    out = io.StringIO()
    round_trip.dump(root, out)
    return out.getvalue()


def _ruamel() -> Any:
    from ruamel.yaml import YAML

    round_trip = YAML()
    round_trip.preserve_quotes = True
    round_trip.width = 4096
    return round_trip


def _dumped(document: Mapping[str, Any]) -> str:
    text: str = yaml.safe_dump(document, sort_keys=False, width=4096, allow_unicode=True)
    return text


def _read(site_file: Path) -> str:
    try:
        return site_file.read_text(encoding="utf-8")
    except OSError as exc:
        raise EntryError(f"{site_file} cannot be read: {exc.strerror}") from exc


def _loaded(text: str) -> dict[str, Any]:
    found = _try_load(text)
    if not isinstance(found, dict):
        raise EntryError("the site file is no mapping of keys; scripts/twinboot check says what is wrong")
    return found


def _try_load(text: str) -> Any:
    """Scalars as they are written, so that nothing is taken for equal that is not."""
    try:
        return yaml.load(text, Loader=yaml.BaseLoader)
    except yaml.YAMLError:
        return None
