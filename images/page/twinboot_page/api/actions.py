"""What can be told: orders for machines, planned moves. Over HTTPS, with a token or a session."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from ..caller import Credential, actor, do
from ..problems import documented

router = APIRouter(tags=["actions"], responses=documented(400, 401, 403, 409, 422, 429, 503))
Actor = Annotated[Credential, Depends(actor)]
Label = Annotated[str, Field(max_length=63, pattern=r"^[A-Za-z0-9-]*$")]
Name = Annotated[str, Field(max_length=32, pattern=r"^[A-Za-z0-9_-]*$")]
MOVE_S = 55.0
"""Limit for a move: as long as the HTTP service waits for an answer."""


class Body(BaseModel):
    """Unknown fields are refused: a misspelt one must not do more than was meant."""

    model_config = ConfigDict(extra="forbid")


class Order(Body):
    """Hosts by name, or all hosts of a profile."""

    hosts: list[Label] = Field(default=[], max_length=10_000)
    profile: Name = ""


class Standby(Body):
    """force: also when no other server can take over; takes the role admin."""

    force: bool = False


class Done(BaseModel):
    """message: as the command line prints it."""

    message: str


async def _order(
    request: Request, actor: Credential, what: Literal["install", "local"], order: Order
) -> Done:
    options = {"order": what, "hosts": order.hosts, "profile": order.profile}
    return Done(message=(await do(request, actor, "order", options))["message"])


@router.post("/machines/install")
async def install(request: Request, actor: Actor, order: Order) -> Done:
    """THE DISKS OF THESE MACHINES ARE ERASED: they are installed at their next start from the network. Role:
    operate."""
    return await _order(request, actor, "install", order)


@router.post("/machines/local")
async def local(request: Request, actor: Actor, order: Order) -> Done:
    """These machines start from their disks, also when they start from the network. Role: operate."""
    return await _order(request, actor, "local", order)


@router.post("/standby")
async def standby(request: Request, actor: Actor, standby: Standby) -> Done:
    """The server that answers hands everything over and holds nothing until `resume`. Role: operate."""
    reply = await do(request, actor, "standby", {"force": standby.force}, timeout_s=MOVE_S)
    return Done(message=reply["message"])


@router.post("/resume")
async def resume(request: Request, actor: Actor) -> Done:
    """The server that answers takes part again, and waits until its own groups are back. Role: operate."""
    return Done(message=(await do(request, actor, "resume", {}, timeout_s=MOVE_S))["message"])
