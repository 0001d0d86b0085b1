"""Everything that changes nothing: the same facts as the command line has."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel

from ..caller import caller_of, reader
from ..facts import Facts
from ..models import Alarm, Caller, Group, Machine, MachineWithHistory, Move, Status, Tree, Unknown
from ..problems import Problem, documented
from .site import Rollout

router = APIRouter(tags=["reading"], responses=documented(401, 403, 409, 422, 429, 503))
READER = [Depends(reader)]
MAX_PAGE = 1000


class Version(BaseModel):
    """Version of the page; the sidecar's is in the status."""

    version: str


class Machines(BaseModel):
    """A page of machines. total: how many fit the filter; next: the offset of the page after it, or null."""

    total: int
    next: int | None
    machines: list[Machine]


def facts_of(request: Request) -> Facts:
    found: Facts = request.app.state.facts
    return found


@router.get("/version")
async def version(request: Request) -> Version:
    """The release of the page. Answered without the sidecar."""
    return Version(version=request.app.version)


@router.get("/who")
async def who(request: Request) -> Caller:
    """What the token, or the session, of whoever asks gives the right to."""
    return await caller_of(request)


@router.get("/status", dependencies=READER)
async def status(request: Request) -> Status:
    """This server's view: servers, groups, links, daemons, trees, alarms."""
    return await facts_of(request).status()


@router.get("/groups", dependencies=READER)
async def groups(request: Request) -> dict[str, Group]:
    """The groups by name: virtual address, holder, services."""
    return (await facts_of(request).status()).groups


@router.get("/history", dependencies=READER)
async def history(request: Request) -> list[Move]:
    """Moves of virtual addresses, the oldest first."""
    return await facts_of(request).history()


@router.get("/machines", dependencies=READER)
async def machines(
    request: Request,
    state: Annotated[str | None, Query(description="only those in this state", max_length=40)] = None,
    profile: Annotated[str | None, Query(description="only those of this profile", max_length=100)] = None,
    group: Annotated[str | None, Query(description="only those of this group", max_length=100)] = None,
    search: Annotated[
        str | None, Query(description="a part of name, MAC or address", max_length=100)] = None,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 100,
) -> Machines:
    """Hosts of the site file in its order, page by page."""
    found = [
        one for one in await facts_of(request).machines()
        if (state is None or one.state == state) and (profile is None or one.profile == profile)
        and (group is None or one.group == group) and (search is None or _has(one, search.lower()))
    ]
    end = offset + limit
    page = [facts_of(request).aged(one) for one in found[offset:end]]
    return Machines(total=len(found), next=end if end < len(found) else None, machines=page)


@router.get("/machines/{name}", dependencies=READER, responses=documented(404))
async def machine(request: Request, name: Annotated[str, Path(max_length=100)]) -> MachineWithHistory:
    """One host with its state history."""
    known = await facts_of(request).machines()
    if all(one.name != name for one in known):
        raise Problem(404, f"no host {name!r} in the site file")
    return await facts_of(request).machine(name)


@router.get("/unknown", dependencies=READER)
async def unknown(request: Request) -> list[Unknown]:
    """Machines without an entry that this server has heard."""
    return await facts_of(request).unknown()


@router.get("/trees", dependencies=READER)
async def trees(request: Request) -> list[Tree]:
    """Install trees, and what they are on each server."""
    return await facts_of(request).trees()


@router.get("/alarms", dependencies=READER)
async def alarms(request: Request) -> list[Alarm]:
    """What an operator should look at, of this server's view."""
    return await facts_of(request).alarms()


@router.get("/rollout", dependencies=READER)
async def rollout(request: Request) -> Rollout:
    """Which site is in use where, and how far the present attempt to change it is."""
    return Rollout.model_validate(await facts_of(request).rollout())


def _has(one: Machine, part: str) -> bool:
    return any(part in text.lower() for text in (one.name, *one.macs, *one.addresses))
