"""What a machine's installer has said, on whichever server it was heard."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from ...caller import checked, do
from ..pages import Page
from ..routes import page_for_all_that_goes_wrong, show, to_login
from ..visitor import visitor_of
from .site import may_not

router = APIRouter()
READ_S = 15.0


@router.get("/ui/machines/{name}/log")
@page_for_all_that_goes_wrong
async def log(request: Request, name: str) -> Response:
    visitor = await visitor_of(request)
    if not visitor.may_read:
        return to_login(request)
    if not visitor.may_act:
        return await may_not(request, visitor, "scripts/twinboot logs HOST", "operate")
    found = await do(request, await checked(request), "log", {"name": name[:100]}, timeout_s=READ_S)
    return await show(request, Page("site_changes/log.html", {"found": found}), here="machines",
                      visitor=visitor)
