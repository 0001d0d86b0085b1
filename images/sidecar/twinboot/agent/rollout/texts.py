"""Site files that come as texts, by the page or the API: what one would change, and the one in use."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from twinboot.rollout.model import Author, Committed, Version

if TYPE_CHECKING:
    from twinboot.site import Site
    from twinboot.site.faults import Fault

MAX_SHOWN = 1000
MAX_LINES = 3000
"""Between the first and the last line that differ; of more, entries alone are told."""


def site_in_use(committed: Committed) -> dict[str, Any]:
    """The site in use: its number, its digest, and the text as it was applied."""
    version = committed.version
    return {"ok": True, "number": version.number, "digest": version.digest.hex(), "text": committed.text}


def of_committed(committed: Committed) -> dict[str, Any]:
    """The committed site as JSON values, for a job apart."""
    version = committed.version
    return {"number": version.number, "digest": version.digest.hex(), "text": committed.text,
            "who": committed.by.who, "server": committed.by.server}  # fmt: skip


def to_committed(said: Mapping[str, Any]) -> Committed:
    version = Version(int(said["number"]), bytes.fromhex(said["digest"]))
    return Committed(version, str(said["text"]), Author(str(said["who"]), server=str(said["server"])))


def compare_job(said: Mapping[str, Any]) -> dict[str, Any]:
    """site: the one in use; text: another."""
    return compared(to_committed(said["site"]), str(said["text"]))


def between_job(said: Mapping[str, Any]) -> dict[str, Any]:
    return {"ok": True, **between(str(said["before"]), str(said["after"]))}


def meanwhile_job(said: Mapping[str, Any]) -> dict[str, Any]:
    return meanwhile(to_committed(said["site"]), said["before"])


def read_job(said: Mapping[str, Any]) -> dict[str, Any]:
    """What begins an attempt: the digest of a text, and the servers of the present site and of it."""
    from twinboot.site import SiteError, identity, loads

    text, present = str(said["text"]), str(said["present"])
    try:
        before = tuple(loads(present, json_text=present.lstrip().startswith("{")).servers)
    except SiteError:
        before = ()
    try:
        new = loads(text, json_text=text.lstrip().startswith("{"))
    except SiteError as exc:
        return {"ok": False, "error": f"the site file has faults: {exc.faults[0]}"}
    return {"ok": True, "digest": identity.digest(new).hex(),
            "servers": list(dict.fromkeys((*before, *new.servers)))}  # fmt: skip


def compared(committed: Committed, text: str) -> dict[str, Any]:
    """Takes seconds for ten thousand hosts: apart. digest: to apply just this. base: of the site in
    use."""
    from twinboot.site import SiteError, identity, loads
    from twinboot.site.transition import transition_faults

    try:
        new = loads(text, json_text=text.lstrip().startswith("{"))
    except SiteError as exc:
        return refused_for("the site file has faults", exc.faults, text)
    old = loads(committed.text, json_text=committed.text.lstrip().startswith("{"))
    if wrong := list(transition_faults(old, new)):
        return refused_for("this cannot be changed while servers run", wrong, text)
    return {
        "ok": True, "number": committed.version.number, "base": committed.version.digest.hex(),
        "digest": identity.digest(new).hex(), **between(committed.text, text, (old, new)),
    }  # fmt: skip


def between(before: str, after: str, sites: tuple[Site, Site] | None = None) -> dict[str, Any]:
    """The difference of two texts: entry by entry, and line by line. sites: what they say, when that is
    known. A text that this release cannot read has lines alone."""
    from twinboot.site import SiteError, loads
    from twinboot.site.difference import differences

    try:
        old, new = sites or (
            loads(before, json_text=before.lstrip().startswith("{")),
            loads(after, json_text=after.lstrip().startswith("{")),
        )
        found = list(differences(old.model_dump(mode="json"), new.model_dump(mode="json")))
    except SiteError:
        found = []
    return {
        "changes": [
            {"path": one.path, "before": one.here, "after": one.there} for one in found[:MAX_SHOWN]
        ],
        "left_out": max(0, len(found) - MAX_SHOWN), "diff": lines_between(before, after),
    }  # fmt: skip


def lines_between(before: str, after: str) -> list[str]:
    """As a unified diff has them, without its head. Empty when they lie too far apart to be compared."""
    old, new = before.splitlines(), after.splitlines()
    same = 0
    while same < min(len(old), len(new)) and old[same] == new[same]:
        same += 1
    end = 0
    while end < min(len(old), len(new)) - same and old[-1 - end] == new[-1 - end]:
        end += 1
    if max(len(old), len(new)) - same - end > MAX_LINES:
        return []
    start = max(0, same - 3)
    stop = max(0, end - 3)
    parts = (old[start:len(old) - stop], new[start:len(new) - stop])
    found = list(difflib.unified_diff(*parts, lineterm="", n=3))[2:]
    return [_moved(one, start) if one.startswith("@@") else one for one in found][:2 * MAX_LINES]


def _moved(head: str, by: int) -> str:
    """`@@ -1,7 +1,9 @@` of a part, as of the whole."""
    def place(word: str) -> str:
        first, comma, count = word[1:].partition(",")
        return f"{word[0]}{int(first) + by}{comma}{count}"

    _, old, new, _ = head.split(" ")
    return f"@@ {place(old)} {place(new)} @@"


def refused_for(why: str, faults: Iterable[Fault], text: str, places: Mapping[str, str] | None = None
                ) -> dict[str, Any]:
    """All faults at once, each with its line. places: of hosts, in an operator's table."""
    from twinboot.site.places import lines_of

    shown = list(faults)[:MAX_SHOWN]
    lines = lines_of(text, [one.path for one in shown])
    errors = []
    for one in shown:
        parts = one.path.split(".")
        place = (places or {}).get(parts[1]) if parts[0] == "hosts" and len(parts) > 1 else None
        if places is None and one.path in lines:
            place = f"line {lines[one.path]}"
        errors.append(f"{place}: {one}" if place else str(one))
    return {"ok": False, "status": 422, "error": why, "errors": errors}


def meanwhile(committed: Committed, base_text: str | None) -> dict[str, Any]:
    """The refusal of what was worked out from an older site, with what has changed since, when that is
    known."""
    number, by = committed.version.number, committed.by
    who = f" by {by.who} on {by.server}" if by.who else ""
    errors = []
    if base_text is not None:
        found = between(base_text, committed.text)
        errors = [f"{one['path']}: {one['before']} -> {one['after']}" for one in found["changes"]]
        errors = errors or [line for line in found["diff"] if line[:1] in "+-"]
    return {
        "ok": False, "status": 409, "errors": errors[:MAX_SHOWN],
        "error": f"site {number} was applied meanwhile{who}, and this is based on an older one: compare "
                 "again" + ("; what has changed since is below" if errors else ""),
    }  # fmt: skip
