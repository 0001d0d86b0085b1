"""Who looks at a page, and what he may do there; the sidecar judges it again with each order."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import Request

from ..caller import caller_of
from ..models import Caller


@dataclass(frozen=True, slots=True)
class Visitor:
    """caller: as the sidecar knows him. secure: he came by HTTPS."""

    caller: Caller
    secure: bool = False

    @property
    def name(self) -> str:
        """Name of the visitor's token; empty: not logged in."""
        return self.caller.name

    @property
    def role(self) -> str:
        return self.caller.role

    @property
    def csrf(self) -> str:
        """CSRF token for the visitor's forms."""
        return self.caller.csrf

    @property
    def may_read(self) -> bool:
        return self.caller.may_read

    @property
    def may_act(self) -> bool:
        return self.secure and bool(self.csrf) and self.caller.may("operate")

    @property
    def may_admin(self) -> bool:
        return self.secure and bool(self.csrf) and self.caller.may("admin")


NOBODY = Visitor(Caller(reading="token"))
"""The visitor while nobody can say who it is."""


async def visitor_of(request: Request) -> Visitor:
    """SidecarDown when nobody can say; Problem for a token that is none, or that came by plain HTTP."""
    return Visitor(await caller_of(request), request.headers.get("x-forwarded-proto") == "https")
