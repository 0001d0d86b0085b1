"""Site files that come as texts, by the page or the API: what one would change, and the one in use."""

from __future__ import annotations

from typing import Any

from twinboot.rollout.model import Committed

MAX_SHOWN = 1000


def told(committed: Committed) -> dict[str, Any]:
    """The site in use: its number, its digest, and the text as it was applied."""
    version = committed.version
    return {"ok": True, "number": version.number, "digest": version.digest.hex(), "text": committed.text}


def compared(committed: Committed, text: str) -> dict[str, Any]:
    """Takes seconds for ten thousand hosts: in a thread. digest: to apply just this. base: of the site in
    use."""
    from twinboot.site import SiteError, identity, loads
    from twinboot.site.difference import differences
    from twinboot.site.transition import transition_faults

    try:
        new = loads(text, json_text=text.lstrip().startswith("{"))
    except SiteError as exc:
        faults = [str(fault) for fault in exc.faults]
        return {"ok": False, "status": 422, "error": "the site file has faults", "errors": faults[:MAX_SHOWN]}
    old = loads(committed.text, json_text=committed.text.lstrip().startswith("{"))
    if wrong := [str(fault) for fault in transition_faults(old, new)]:
        return {"ok": False, "status": 422, "error": "this cannot be changed while servers run",
                "errors": wrong[:MAX_SHOWN]}
    found = list(differences(old.model_dump(mode="json"), new.model_dump(mode="json")))
    return {
        "ok": True, "number": committed.version.number, "base": committed.version.digest.hex(),
        "digest": identity.digest(new).hex(), "left_out": max(0, len(found) - MAX_SHOWN),
        "changes": [
            {"path": one.path, "before": one.here, "after": one.there} for one in found[:MAX_SHOWN]
        ],
    }  # fmt: skip
