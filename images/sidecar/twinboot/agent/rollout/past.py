"""Sites that were in use here: who applied which when, what each changed, and its text."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from twinboot.adapters.records.site_texts import SiteTexts
from twinboot.errors import ResourceError
from twinboot.rollout.record import Record

from . import subprocess_jobs


class PastSites:
    """kept: their texts; None: none are. record: the present one."""

    def __init__(self, kept: SiteTexts | None, record: Callable[[], Record]) -> None:
        self._kept, self._record = kept, record

    async def listed(self) -> dict[str, Any]:
        """Each with its number, its digest, and who asked for it when, the newest first. `before`: the one
        that it took the place of here, as far as is known."""
        try:
            heads = await asyncio.to_thread(self._heads)
        except ResourceError as exc:
            return {"ok": False, "error": str(exc)}
        earlier = [*heads[1:], {"number": None}]
        return {"ok": True, "sites": [
            {**one, "before": before["number"]} for one, before in zip(heads, earlier, strict=False)]}

    async def change(self, number: int) -> dict[str, Any]:
        """What one of them changed."""
        try:
            found = await asyncio.to_thread(self._change, number)
        except ResourceError as exc:
            return {"ok": False, "error": str(exc)}
        if not found["ok"]:
            return found
        difference = await subprocess_jobs.run("between", {"before": found.pop("old"),
                                                           "after": found.pop("new")})
        return {**found, **difference}

    async def text(self, *, number: int | None = None, digest: str = "") -> str | None:
        """Text of a site; None: it is not kept here."""
        try:
            return await asyncio.to_thread(self._text, number, digest)
        except ResourceError:
            return None

    # In a thread --------------------------------------------------------------------------------

    def _heads(self) -> list[dict[str, Any]]:
        return self._kept.heads() if self._kept is not None else []

    def _text(self, number: int | None, digest: str) -> str | None:
        record = self._record()
        for one in (record.committed, record.previous):
            if one is not None and (number is None or one.version.number == number) \
                    and digest in ("", one.version.digest.hex()):
                return one.text
        return self._kept.text(number=number, digest=digest) if self._kept is not None else None

    def _change(self, number: int) -> dict[str, Any]:
        """old, new: both texts."""
        heads = self._heads()
        at = next((at for at, one in enumerate(heads) if one["number"] == number), None)
        if at is None:
            return {"ok": False, "status": 404, "error": f"no site {number} is kept on this server"}
        now = self._text(number, str(heads[at]["digest"]))
        earlier = heads[at + 1] if at + 1 < len(heads) else None
        before = self._text(int(earlier["number"]), str(earlier["digest"])) if earlier is not None else None
        if now is None or before is None or earlier is None:
            return {"ok": False, "status": 404,
                    "error": f"what site {number} changed is not known here: the one before it is not kept"}
        return {"ok": True, **heads[at], "before": earlier["number"], "old": before, "new": now}
