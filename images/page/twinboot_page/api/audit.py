"""Who did what on the server that answers, by whichever way."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field

from ..caller import do
from ..problems import documented
from .actions import Actor

router = APIRouter(tags=["actions"], responses=documented(401, 403, 409, 422, 429, 503))


class AuditEntry(BaseModel):
    """at, ended: seconds since 1970; ended is null when that is not known. result: done, refused, or that it
    is not known."""

    at: float
    ended: float | None = None
    server: str
    who: str
    role: str = ""
    from_: str = Field(default="", alias="from")
    via: str = ""
    what: str
    result: str
    said: str | None = ""


@router.get("/audit")
async def audit(
    request: Request, actor: Actor, limit: Annotated[int, Query(ge=1, le=1000)] = 100
) -> list[AuditEntry]:
    """The last actions that this server was asked for, the newest first; its peers have their own. Role:
    operate."""
    reply = await do(request, actor, "audit", {"limit": limit})
    return [AuditEntry.model_validate(one) for one in reply["entries"]]
