"""Machines come into the site file and leave it, by name or as a table; all servers take it, or none.

With `dry_run` it is only told what would change. `digest` and `base` of that answer, sent along, apply just
what was looked at, or are refused with 409.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from ..caller import Credential, do
from ..problems import documented
from .actions import Actor, Body, Label, Name
from .site import MAX_TEXT, READ_S, Digest

router = APIRouter(prefix="/hosts", tags=["hosts"], responses=documented(400, 401, 403, 409, 422, 429, 503))
Mac = Annotated[str, Field(
    max_length=400, pattern=r"^[0-9A-Fa-f:.,-]+$", description="MAC address; several cards with commas")]
Network = Annotated[str, Field(
    max_length=18, pattern=r"^([0-9.]+/[0-9]{1,2})?$",
    description="where addresses are chosen; where the machine asked, when empty")]  # fmt: skip


class New(Body):
    """A machine. name: empty: the one given for all, its number counting up."""

    mac: Mac
    name: Label = ""


class ChangeOptions(Body):
    """dry_run: only tell what would change."""

    dry_run: bool = False
    digest: Digest = ""
    base: Digest = ""
    without: list[Label] = Field(default=[], max_length=16, description="servers that are away")

    def options(self) -> dict[str, Any]:
        """The options as the sidecar takes them."""
        said = self.model_dump(exclude={"dry_run"})
        return {**said, "ask": True} if self.dry_run else said


class Enroll(ChangeOptions):
    """address: a free one is chosen by auto. uuid: the entry has the UUID that the machine has told. no_ask:
    the LAN is not asked who has an address."""

    machines: list[New] = Field(min_length=1, max_length=1000)
    name: Label = ""
    address: Annotated[str, Field(pattern=r"^(auto|[0-9.]{7,15})$")] = "auto"
    profile: Name = ""
    group: Name = ""
    subnet: Network = ""
    uuid: bool = False
    no_ask: bool = False


class Unenroll(ChangeOptions):
    """may_erase: also where the subnet installs machines without an entry."""

    hosts: list[Label] = Field(min_length=1, max_length=10_000)
    may_erase: bool = False


class Table(ChangeOptions):
    """text: CSV or JSON, as `GET /hosts` gives it. replace: machines that it does not name go."""

    text: Annotated[str, Field(max_length=MAX_TEXT)]
    replace: bool = False
    may_erase: bool = False
    no_ask: bool = False
    subnet: Network = ""


class HostsChange(BaseModel):
    """What changes, or would. lines: for people. entries: new ones by name, when they are not many. number:
    of the site that every server checks now; `GET /rollout` says how it goes on. applied: false: only asked,
    or nothing changes."""

    applied: bool
    number: int
    base: str
    digest: str
    lines: list[str]
    entries: dict[str, dict[str, Any]]
    message: str


_STATUS: dict[int | str, dict[str, Any]] = {202: {"model": HostsChange,
                                                  "description": "every server checks it"}}


async def _change(request: Request, response: Response, actor: Credential, command: str, wish: ChangeOptions
                  ) -> HostsChange:
    made = HostsChange.model_validate(await do(request, actor, command, wish.options(), timeout_s=READ_S))
    if made.applied:
        response.status_code = 202
    return made


@router.post("/enroll", responses=_STATUS)
async def enroll(request: Request, response: Response, actor: Actor, wish: Enroll) -> HostsChange:
    """Machines get an entry, and THEIR DISKS ARE ERASED when the profile installs, at their next start from
    the network. Faults: all at once, with 422. Role: admin."""
    return await _change(request, response, actor, "enroll", wish)


@router.post("/unenroll", responses=_STATUS)
async def unenroll(request: Request, response: Response, actor: Actor, wish: Unenroll) -> HostsChange:
    """Machines leave the site file. Nothing on them is touched. Role: admin."""
    return await _change(request, response, actor, "unenroll", wish)


@router.post("/import", responses=_STATUS)
async def import_table(request: Request, response: Response, actor: Actor, wish: Table) -> HostsChange:
    """A table of machines is merged into the site file by their names. Faults: each with its line, with 422.
    Role: admin."""
    return await _change(request, response, actor, "hosts-import", wish)


@router.get("", response_class=Response, responses={200: {
    "content": {"text/csv": {"schema": {"type": "string"}}, "application/json": {"schema": {}}}}})
async def export(
    request: Request, actor: Actor, format: Annotated[Literal["csv", "json"], Query()] = "csv"
) -> Response:
    """The machines of the site in use as a table; JSON has all that their entries say. Role: admin."""
    reply = await do(request, actor, "hosts", {"format": format}, timeout_s=READ_S)
    kind = "application/json" if format == "json" else "text/csv; charset=utf-8"
    return Response(reply["text"], media_type=kind)
