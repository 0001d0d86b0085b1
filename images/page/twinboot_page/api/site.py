"""The site file: the one in use, what another would change, and to put that in its place on all servers."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, Field

from ..caller import do
from ..problems import documented
from .actions import Actor, Body, Label

router = APIRouter(prefix="/site", tags=["site"], responses=documented(400, 401, 403, 409, 422, 429, 503))
MAX_TEXT = 4_000_000
MAX_NUMBER = 1 << 40
Text = Annotated[str, Field(max_length=MAX_TEXT)]
Digest = Annotated[str, Field(pattern=r"^([0-9a-f]{16})?$")]
READ_S = 55.0
"""A site file of ten thousand hosts takes seconds."""


class SiteText(Body):
    """A whole site file, as it would stand in config/site.yaml."""

    text: Text


class Compare(SiteText):
    """base: of the site that the text was made from; another one than that in use is refused with what has
    changed since. Empty: it is not asked."""

    base: Digest = ""


class Apply(SiteText):
    """digest: of the comparison that was looked at. base: of the site in use then; empty: whichever is."""

    digest: Digest
    base: Digest = ""
    without: list[Label] = Field(default=[], max_length=16, description="servers that are away")


class Previous(Body):
    """without: servers that are away."""

    digest: Digest
    without: list[Label] = Field(default=[], max_length=16)


class InUse(BaseModel):
    """The site in use on the server that answers: its number, its digest, its text."""

    number: int
    digest: str
    text: str


class EntryDifference(BaseModel):
    """One entry that differs."""

    path: str
    before: str
    after: str


class Comparison(BaseModel):
    """number, base: of the site in use. digest: of the text, which may then be applied. left_out: changes
    beyond those shown. diff: lines, as a unified diff has them; empty when they lie too far apart."""

    number: int
    base: str
    digest: str
    changes: list[EntryDifference]
    left_out: int
    diff: list[str] = []


class PastSite(BaseModel):
    """A site that was in use on the server that answers. who: as the audit log has it, empty: not known;
    server: where it was asked for, at: when, seconds since 1970. before: the number of the one before it."""

    number: int
    digest: str
    who: str = ""
    via: str = ""
    server: str = ""
    at: float = 0.0
    before: int | None = None


class PastChange(PastSite):
    """What it changed: as Comparison has it."""

    changes: list[EntryDifference]
    left_out: int
    diff: list[str] = []


class Rollout(BaseModel):
    """What is in use where, and how far the present attempt is: its phase, and what each server says."""

    server: str
    committed: dict[str, Any] | None
    working: dict[str, Any] | None
    servers: dict[str, Any]
    attempt: dict[str, Any] | None
    fault: str
    by: dict[str, Any] = {}


@router.get("", responses=documented(404))
async def site(
    request: Request, actor: Actor,
    number: Annotated[int | None, Query(ge=0, le=MAX_NUMBER, description="an earlier one")] = None,
) -> InUse:
    """The site in use, as it was written; or the text of an earlier one, with the digest of the one in use.
    Role: admin, since there may be secrets in scripts."""
    options = {} if number is None else {"number": number}
    return InUse.model_validate(await do(request, actor, "site", options))


@router.get("/history")
async def history(request: Request, actor: Actor) -> list[PastSite]:
    """Who applied which site when, the newest first: the last hundred that were in use on this server. Role:
    operate."""
    reply = await do(request, actor, "sites", {})
    return [PastSite.model_validate(one) for one in reply["sites"]]


@router.get("/history/{number}", responses=documented(404))
async def change(
    request: Request, actor: Actor, number: Annotated[int, Path(ge=0, le=MAX_NUMBER)]
) -> PastChange:
    """What one of them changed. Role: admin."""
    return PastChange.model_validate(await do(request, actor, "site-change", {"number": number}))


@router.post("/diff")
async def diff(request: Request, actor: Actor, site: Compare) -> Comparison:
    """What this text would change; its faults, all at once, with status 422. Changes nothing. Role: admin."""
    reply = await do(request, actor, "site-diff", {"text": site.text, "base": site.base}, timeout_s=READ_S)
    return Comparison.model_validate(reply)


@router.post("/apply", status_code=202)
async def apply(request: Request, actor: Actor, apply: Apply) -> Rollout:
    """Every server checks this site, and all take it into use, or none. Begins it; GET `/rollout` says how it
    goes on. Role: admin."""
    options = {"text": apply.text, "digest": apply.digest, "base": apply.base, "without": apply.without}
    return Rollout.model_validate(await do(request, actor, "apply", options, timeout_s=READ_S))


@router.post("/previous", status_code=202)
async def previous(request: Request, actor: Actor, previous: Previous) -> Rollout:
    """The site before this one again. digest: of that one, as the log and `GET /rollout` tell it. Role:
    admin."""
    options = {"previous": True, "digest": previous.digest, "without": previous.without}
    return Rollout.model_validate(await do(request, actor, "apply", options, timeout_s=READ_S))
