"""Machines get an entry, leave the site file, come by a table and go into one: shown before it is done."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from ...caller import checked, do
from ...problems import Problem
from ..actions import Wrong
from ..pages import Page
from ..routes import page_for_all_that_goes_wrong, show, to_login
from ..visitor import Visitor, visitor_of
from .forms import Form, form_of
from .site import READ_S, may_not, servers, under_way

router = APIRouter()
MAX_MACHINES = 100


@dataclass(frozen=True, slots=True)
class Kind:
    """One way to change machines' entries. command: the sidecar's; typed: on a server; fields, boxes: of the
    form; here: the part of the page."""

    path: str
    title: str
    command: str
    typed: str
    here: str
    lists: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    boxes: tuple[str, ...] = field(default=())

    def wish(self, form: Form) -> dict[str, Any]:
        """What the sidecar is asked."""
        said: dict[str, Any] = {name: form.text(name).strip() for name in self.fields}
        said |= {name: form.on(name) for name in self.boxes}
        said |= {name: [one.strip() for one in form.texts(name) if one.strip()] for name in self.lists}
        if "mac" in said:
            macs = said.pop("mac")
            said["machines"] = [{"mac": mac.replace(" ", ""), "name": ""} for mac in macs[:MAX_MACHINES]]
        if self.command == "hosts-import":
            said["text"] = form.file_or("file", "text")
        return said


ENROLL = Kind("/ui/enroll", "New machines", "enroll", "scripts/twinboot enroll MAC --name NAME", "unknown",
              ("mac",), ("name", "address", "profile", "group", "subnet"), ("uuid", "no_ask"))  # fmt: skip
UNENROLL = Kind("/ui/unenroll", "Take out of the site file", "unenroll", "scripts/twinboot unenroll HOST",
                "machines", ("hosts",), (), ("may_erase",))  # fmt: skip
IMPORT = Kind("/ui/import", "Machines from a table", "hosts-import", "scripts/twinboot hosts import FILE",
              "site", (), ("subnet",), ("replace", "may_erase", "no_ask"))  # fmt: skip
KINDS = {one.path: one for one in (ENROLL, UNENROLL, IMPORT)}


@router.get("/ui/enroll")
@router.get("/ui/unenroll")
@router.get("/ui/import")
@page_for_all_that_goes_wrong
async def ask(request: Request) -> Response:
    """The form; of machines that leave, at once what would change."""
    kind, visitor = KINDS[request.url.path], await visitor_of(request)
    if not visitor.may_read:
        return to_login(request)
    if not visitor.may_admin:
        return await may_not(request, visitor, kind.typed)
    said = {name: [one.encode() for one in request.query_params.getlist(name)] for name in (
        "mac", "hosts", "host")}  # fmt: skip
    form = Form(said | {"hosts": [*said["hosts"], *said["host"]], "address": [b"auto"]})
    if kind is UNENROLL:
        if not form.texts("hosts"):
            raise Wrong("No machine is chosen: mark some first.")
        return await _shown(request, visitor, kind, form)
    return await _page(request, visitor, kind, form)


@router.post("/ui/enroll")
@router.post("/ui/unenroll")
@router.post("/ui/import")
@page_for_all_that_goes_wrong
async def change(request: Request) -> Response:
    """`act`: ask what would change, or apply just that."""
    kind, form, visitor = KINDS[request.url.path], await form_of(request), await visitor_of(request)
    if not visitor.may_admin:
        return await may_not(request, visitor, kind.typed)
    return await _shown(request, visitor, kind, form)


@router.get("/ui/export")
@page_for_all_that_goes_wrong
async def export(request: Request) -> Response:
    """`format`: csv or json."""
    visitor = await visitor_of(request)
    if not visitor.may_admin:
        return await may_not(request, visitor, "scripts/twinboot hosts export")
    form = "json" if request.query_params.get("format") == "json" else "csv"
    reply = await do(request, await checked(request), "hosts", {"format": form}, timeout_s=READ_S)
    kind = "application/json" if form == "json" else "text/csv; charset=utf-8"
    named = {"Content-Disposition": f"attachment; filename=hosts.{form}"}
    return Response(reply["text"], media_type=kind, headers=named)


async def _shown(request: Request, visitor: Visitor, kind: Kind, form: Form) -> Response:
    """What would change, or what is wrong; or it is begun."""
    wish, credential = kind.wish(form), await checked(request, form.text("csrf"))
    applies = form.text("act") == "apply"
    if applies:
        wish |= {"digest": form.text("digest"), "base": form.text("base"), "without": form.texts("without")}
    else:
        wish["ask"] = True
    try:
        found = await do(request, credential, kind.command, wish, timeout_s=READ_S)
    except Problem as exc:
        return await _page(request, visitor, kind, form, refused=exc)
    if found["applied"]:
        return under_way(found["number"])
    return await _page(request, visitor, kind, form, found=found)


async def _page(request: Request, visitor: Visitor, kind: Kind, form: Form, *,
                found: dict[str, Any] | None = None, refused: Problem | None = None) -> Response:
    choices = await do(request, await checked(request), "choices", {}) if kind is not UNENROLL else None
    values = {
        "kind": kind, "found": found, "refused": refused, "choices": choices, "wish": kind.wish(form),
        "macs": form.texts("mac") or [""], "servers": await servers(request),
    }  # fmt: skip
    status = refused.status if refused is not None else 200
    return await show(request, Page("site_changes/hosts.html", values, status), here=kind.here,
                      visitor=visitor)
