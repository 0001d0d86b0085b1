"""What a machine's installer has said by syslog, as all servers have heard it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel

from ..caller import do
from ..problems import documented
from .actions import Actor

router = APIRouter(tags=["reading"], responses=documented(401, 403, 404, 409, 422, 429, 503))
READ_S = 15.0


class LogLine(BaseModel):
    """A line of a log, with the server that heard it."""

    server: str
    line: str


class Log(BaseModel):
    """lines: in order of time (UTC). left_out: servers that have more.
    silent: servers that gave no answer."""

    name: str
    lines: list[LogLine]
    left_out: list[str] = []
    silent: list[str] = []


@router.get("/machines/{name}/log")
async def log(request: Request, actor: Actor, name: Annotated[str, Path(max_length=100)]) -> Log:
    """What this machine's installer has said, on whichever server. Role: operate."""
    reply = await do(request, actor, "log", {"name": name}, timeout_s=READ_S)
    lines = [{"server": server, "line": line} for server, line in reply["lines"]]
    return Log.model_validate({**reply, "lines": lines})
