"""A token is typed once, over HTTPS; the browser keeps a session of half a day in its place."""

from __future__ import annotations

from urllib.parse import parse_qs, urlencode

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse
from starlette.responses import Response

from ..caller import COOKIE, Credential, do, exposed
from ..problems import Problem
from .body import body_of
from .routes import local

router = APIRouter(include_in_schema=False)
MAX_FORM_BYTES = 16 << 10


async def form_of(request: Request) -> dict[str, str]:
    """The fields of a form, as browsers send it by default. Problem when it is too large."""
    body = await body_of(request, MAX_FORM_BYTES)
    if body is None:
        raise Problem(413, "the form is too large")
    return {key: values[-1] for key, values in parse_qs(body.decode("utf-8", "replace")).items()}


@router.post("/ui/login")
async def login(request: Request) -> Response:
    """Fields `token` and `then`, the address that it leads to. 401 for a token that is none; a person is led
    back to the form."""
    form = await form_of(request)
    token, then = form.get("token", "").strip(), local(form.get("then", "/"))
    tls = request.headers.get("x-forwarded-proto") == "https"
    credential = Credential("token", token, "", request.headers.get("x-real-ip", ""), tls)
    wait_s = request.app.state.failures.wait_s(credential.address)
    if wait_s:
        raise Problem(429, f"too many tokens that are none came from this address: wait {wait_s:.0f} s")
    if not tls:
        await exposed(request, credential)
    try:
        reply = await do(request, credential, "login", {})
    except Problem as exc:
        if exc.status == 401 and "text/html" in request.headers.get("accept", ""):
            return RedirectResponse(f"/ui/login?{urlencode({'failed': 1, 'then': then})}", 303)
        raise
    answer = RedirectResponse(then, 303)
    answer.set_cookie(COOKIE, reply["session"], max_age=int(reply["lasts_s"]), path="/", secure=True,
                      httponly=True, samesite="strict")
    return answer


@router.post("/ui/logout")
async def logout() -> Response:
    """Another site cannot do it: the cookie that it takes away is sent by this site's forms alone."""
    answer = RedirectResponse("/", 303)
    answer.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="strict")
    return answer
