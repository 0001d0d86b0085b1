"""The text of the site file: edited or uploaded, compared, applied; who applied which site when."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse
from starlette.responses import Response

from ...caller import checked, do
from ...problems import Problem
from ..pages import Page
from ..routes import facts_of, page_for_all_that_goes_wrong, show, to_login
from ..visitor import Visitor, visitor_of
from .forms import form_of

router = APIRouter()
READ_S = 55.0
LF, CRLF = "lf", "crlf"


@router.get("/ui/site/edit")
@page_for_all_that_goes_wrong
async def edit(request: Request) -> Response:
    """The site in use, or an earlier one (`from`, its number), in a field to be edited."""
    visitor = await visitor_of(request)
    if not visitor.may_read:
        return to_login(request)
    if not visitor.may_admin:
        return await may_not(request, visitor, "scripts/twinboot apply")
    number = _number(request.query_params.get("from", ""))
    options = {} if number is None else {"number": number}
    used = await do(request, await checked(request), "site", options)
    eol = CRLF if "\r\n" in used["text"] else LF
    values = {"text": used["text"].replace("\r\n", "\n"), "base": used["digest"], "eol": eol,
              "earlier": used["number"] if options else None}  # fmt: skip
    return await _editor(request, visitor, values)


@router.post("/ui/site/edit")
@page_for_all_that_goes_wrong
async def compare(request: Request) -> Response:
    """`act`: compare, or apply what was compared."""
    form, visitor = await form_of(request), await visitor_of(request)
    if not visitor.may_admin:
        return await may_not(request, visitor, "scripts/twinboot apply")
    text = form.file_or("file", "text")
    values = {"text": text, "base": form.text("base"), "eol": form.text("eol")}
    credential = await checked(request, form.text("csrf"))
    sent = text.replace("\n", "\r\n") if values["eol"] == CRLF else text
    try:
        if form.text("act") == "apply":
            options = {"text": sent, "digest": form.text("digest"), "base": values["base"],
                       "without": form.texts("without")}  # fmt: skip
            reply = await do(request, credential, "apply", options, timeout_s=READ_S)
            return under_way(reply["attempt"]["number"])
        found = await do(request, credential, "site-diff", {"text": sent, "base": values["base"]},
                         timeout_s=READ_S)  # fmt: skip
    except Problem as exc:
        newer = None
        if exc.status == 409:
            newer = await do(request, credential, "site", {})
        return await _editor(request, visitor, values | {"refused": exc, "newer": newer}, exc.status)
    return await _editor(request, visitor, values | {"found": found})


@router.get("/ui/site/history")
@page_for_all_that_goes_wrong
async def history(request: Request) -> Response:
    """Who applied which site when."""
    visitor = await visitor_of(request)
    if not visitor.may_act:
        return await may_not(request, visitor, "scripts/twinboot audit", "operate")
    reply = await do(request, await checked(request), "sites", {})
    return await show(request, Page("site_changes/history.html", {"sites": reply["sites"]}), here="site",
                      visitor=visitor)  # fmt: skip


@router.get("/ui/site/history/{number}")
@page_for_all_that_goes_wrong
async def change(request: Request, number: str) -> Response:
    visitor = await visitor_of(request)
    if not visitor.may_admin:
        return await may_not(request, visitor, "scripts/twinboot site")
    wanted = _number(number)
    options = {"number": -1 if wanted is None else wanted}
    found = await do(request, await checked(request), "site-change", options, timeout_s=READ_S)
    return await show(request, Page("site_changes/change.html", {"found": found}), here="site",
                      visitor=visitor)


async def may_not(request: Request, visitor: Visitor, command: str, role: str = "admin") -> Response:
    """What it takes to act here, and the command that does it on a server."""
    values = {"command": command, "role": role, "back": request.url.path + (
        f"?{request.url.query}" if request.method == "GET" and request.url.query else "")}
    return await show(request, Page("site_changes/maynot.html", values, 403), here="site", visitor=visitor)


async def servers(request: Request) -> dict[str, Any]:
    """For a form that applies: which servers take part, and which are away."""
    rollout = await facts_of(request).rollout()
    away = [name for name, one in rollout["servers"].items() if not one["alive"]]
    return {"all": [rollout["server"], *rollout["servers"]], "away": away}


def under_way(number: int) -> Response:
    return RedirectResponse(f"/ui/site?number={number}", 303)


async def _editor(request: Request, visitor: Visitor, values: dict[str, Any], status: int = 200) -> Response:
    values = {"found": None, "refused": None, "newer": None, "earlier": None, **values,
              "servers": await servers(request)}  # fmt: skip
    return await show(request, Page("site_changes/edit.html", values, status), here="site", visitor=visitor)


def _number(text: str) -> int | None:
    """The number of a site; None: the text is no number of a site."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 12 else None
