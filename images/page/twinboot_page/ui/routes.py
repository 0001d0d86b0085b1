"""`/` and what lies below `/ui/`."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse
from fastapi.templating import Jinja2Templates
from starlette.responses import Response

from ..caller import reader
from ..facts import Facts

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
_templates = Jinja2Templates(Path(__file__).parent / "templates")


@router.get("/", dependencies=[Depends(reader)])
async def front(request: Request) -> Response:
    facts: Facts = request.app.state.facts
    return _templates.TemplateResponse(request, "front.html", {"status": await facts.status()})
