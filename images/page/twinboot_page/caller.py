"""Who asks: the token or the session that came along, from which address, and whether anybody could read it.

Only the HTTP service reaches the page's socket: so what it says of the client is true.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, NoReturn

from fastapi import Request

from .facts import Facts, Refused
from .limits import Failures
from .models import Caller
from .problems import Problem

COOKIE = "__Host-twinboot"
"""The prefix has browsers take it over TLS alone, for this host alone (RFC 6265bis, 4.1.3.2)."""
CSRF_HEADER = "x-csrf-token"


@dataclass(frozen=True, slots=True)
class Credential:
    """What a caller has shown, as it came. kind: token or session; empty: none came."""

    kind: str
    text: str
    csrf: str
    address: str
    over_tls: bool

    @property
    def via(self) -> str:
        return "page" if self.kind == "session" else "api"

    def as_json(self) -> dict[str, Any]:
        """What the sidecar is told of it."""
        said: dict[str, Any] = {"address": self.address, "via": self.via}
        if self.kind:
            said |= {self.kind: self.text, "csrf": self.csrf}
        return said

    @property
    def key(self) -> str:
        """Key of the cache, which keeps no tokens."""
        return hashlib.sha256(f"{self.kind} {self.text}".encode()).hexdigest()


def credential_of(request: Request, csrf: str = "") -> Credential:
    """A token counts before a session. csrf: of a form's field; a program sends the header."""
    address = request.headers.get("x-real-ip", "")
    tls = request.headers.get("x-forwarded-proto") == "https"
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return Credential("token", token.strip(), "", address, tls)
    session = request.cookies.get(COOKIE, "")
    kind = "session" if session else ""
    return Credential(kind, session, csrf or request.headers.get(CSRF_HEADER, ""), address, tls)


async def caller_of(request: Request) -> Caller:
    """Judged by the sidecar, and kept for a moment. Raises Problem for a token that is none, or that came by
    plain HTTP: everybody on the way could read it."""
    credential = await checked(request)
    facts: Facts = request.app.state.facts
    try:
        return await facts.who(credential.key, credential.as_json())
    except Refused as exc:
        failures: Failures = request.app.state.failures
        failures.note(credential.address)
        if credential.kind == "session":  # it is over: as if there were none
            return await facts.who("nobody", {"address": credential.address})
        raise Problem(401, str(exc), headers={"WWW-Authenticate": "Bearer"}) from None


async def checked(request: Request, csrf: str = "") -> Credential:
    """The credential, unless it came by plain HTTP or its address has had too many that are none."""
    credential = credential_of(request, csrf)
    failures: Failures = request.app.state.failures
    if credential.kind and (wait_s := failures.wait_s(credential.address)):
        raise Problem(429, f"too many tokens that are none came from this address: wait {wait_s:.0f} s",
                      headers={"Retry-After": f"{wait_s:.0f}"})
    if credential.kind and not credential.over_tls:
        await exposed(request, credential)
    return credential


async def exposed(request: Request, credential: Credential) -> NoReturn:
    """Names the token in the log of the sidecar, when it is one."""
    facts: Facts = request.app.state.facts
    failures: Failures = request.app.state.failures
    failures.note(credential.address)
    await facts.order("exposed", {"caller": credential.as_json()}, timeout_s=5.0)
    raise Problem(403, "a token came over plain HTTP, where everybody on the way can read it: take it out of "
                  "the site file, make another one, and use HTTPS")


async def reader(request: Request) -> Caller:
    """For routes that only show: whoever the site file lets read."""
    caller = await caller_of(request)
    if not caller.may_read:
        raise Problem(401, "reading takes a token here: `twinboot token NAME --role read` makes one for the "
                      "site file; send it as `Authorization: Bearer TOKEN`, over HTTPS",
                      headers={"WWW-Authenticate": "Bearer"})
    return caller


async def actor(request: Request) -> Credential:
    """For actions by the API: over TLS alone. What the token gives the right to, the sidecar judges."""
    if request.headers.get("x-forwarded-proto") != "https":
        if credential_of(request).kind:
            await checked(request)
        raise Problem(403, await _where_else(request))
    return await checked(request)


async def _where_else(request: Request) -> str:
    """Says where a refused request could be made."""
    facts: Facts = request.app.state.facts
    https = (await facts.status()).https
    if https is None:
        return "this is taken over HTTPS alone, and there is none: api.https of the site file is off"
    port = "" if https.port == 443 else f":{https.port}"
    host = request.url.hostname or "ADDRESS"
    return f"this is taken over HTTPS alone: https://{host}{port}{request.url.path}"


async def do(request: Request, credential: Credential, command: str, options: dict[str, Any], *,
             timeout_s: float = 30.0) -> dict[str, Any]:
    """An action, or what not everybody may see: done by the sidecar for this caller, or refused in its
    words."""
    facts: Facts = request.app.state.facts
    try:
        return await facts.order(command, {**options, "caller": credential.as_json()}, timeout_s=timeout_s)
    except Refused as exc:
        status = exc.status or 409
        if status == 401:
            failures: Failures = request.app.state.failures
            failures.note(credential.address)
        headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
        raise Problem(status, str(exc), errors=exc.errors, headers=headers) from None
