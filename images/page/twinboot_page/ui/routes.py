"""`/` and what lies below `/ui/`: every answer is a page, also what went wrong."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import parse_qs, parse_qsl, quote, urlencode, urlsplit

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from starlette.responses import Response

from ..api.events import Stream
from ..caller import checked, credential_of
from ..client import SidecarDown
from ..facts import Facts, Refused
from ..limits import Places
from ..problems import Problem
from . import actions, assets, live, pages, views
from .body import body_of
from .pages import Page
from .visitor import NOBODY, Visitor, visitor_of

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
MAX_FORM_BYTES = 1 << 20

Handler = Callable[..., Awaitable[Response]]


class _State:
    """What routes keep while the process runs; made with the first request."""

    def __init__(self, facts: Facts) -> None:
        self.desk = actions.Desk(facts)
        self.live = live.Live(assets.build())


def _state(request: Request) -> _State:
    app = request.app.state
    if not hasattr(app, "ui"):
        app.ui = _State(app.facts)
    found: _State = app.ui
    return found


def page_for_all_that_goes_wrong(handler: Handler) -> Handler:
    @functools.wraps(handler)
    async def guarded(request: Request, *args: object, **more: object) -> Response:
        try:
            return await handler(request, *args, **more)
        except SidecarDown as exc:
            page = Page("down.html", {"why": str(exc)}, 503)
            return pages.document(page, NOBODY, here="", path=_address(request))
        except Problem as exc:  # a token or a session that is none
            return pages.document(Page("refused.html", {"why": exc.detail}, exc.status), NOBODY, here="")
        except actions.Wrong as exc:
            return await show(request, Page("refused.html", {"why": str(exc)}, 409), here="machines")
        except Refused as exc:
            return await show(request, Page("refused.html", {"why": str(exc)}, exc.status or 409), here="")

    return guarded


@router.get("/")
@router.get("/ui/machines")
@router.get("/ui/machines/{name}")
@router.get("/ui/unknown")
@router.get("/ui/site")
@router.get("/ui/trees")
@router.get("/ui/history")
@router.get("/ui/about")
@page_for_all_that_goes_wrong
async def page(request: Request) -> Response:
    visitor = await visitor_of(request)
    if not visitor.may_read:
        return to_login(request)
    found = views.find(request.url.path)
    if found is None:
        return await missing(request)
    here, view, named = found
    made = await view(facts_of(request), {**request.query_params, **named})
    return await show(request, made, here=here, visitor=visitor, is_live=made.status == 200)


@router.get("/ui/live")
@page_for_all_that_goes_wrong
async def follow(request: Request) -> Response:
    """The live parts of the page whose address is `of`: events, or once as JSON."""
    of = urlsplit(request.query_params.get("of", "/"))
    found = _told_view(request, of.query) if of.path == "/ui/told" else views.find(of.path)
    visitor = await visitor_of(request)
    if found is None or not visitor.may_read:
        return JSONResponse({"detail": "nothing to follow"}, 404 if found is None else 401)
    _, view, named = found
    said = {**dict(parse_qsl(of.query)), **named}

    async def make() -> live.Parts:
        made = await view(facts_of(request), said)
        return pages.parts(made, visitor, await facts_of(request).status())

    followers, key = _state(request).live, f"{visitor.may_act} {of.path}?{of.query}"
    if "once" in request.query_params:
        return JSONResponse(await followers.once(key, make))
    places: Places = request.app.state.places
    address = credential_of(request).address
    if not places.take(address):  # it asks from time to time instead
        return JSONResponse({"detail": "too many event streams are open"}, 429, headers={"Retry-After": "5"})
    return Stream(followers.stream(key, make), lambda: places.leave(address))


@router.get("/ui/confirm")
@page_for_all_that_goes_wrong
async def ask(request: Request) -> Response:
    visitor = await visitor_of(request)
    if not visitor.may_read:
        return to_login(request)
    action = await actions.action_of(facts_of(request), parse_qs(request.url.query))
    return await show(request, actions.question(action), here="machines", visitor=visitor)


@router.post("/ui/confirm")
@page_for_all_that_goes_wrong
async def order(request: Request) -> Response:
    said = await _form(request)
    visitor = await visitor_of(request)
    action = await actions.action_of(facts_of(request), said)
    if not visitor.may_act:
        return await show(request, actions.question(action), here="machines", visitor=visitor)
    credential = await checked(request, next(iter(said.get("csrf", ())), ""))
    try:
        number = await _state(request).desk.do(action, said, credential)
    except (actions.Wrong, Refused) as exc:
        return await show(request, actions.question(action, str(exc)), here="machines", visitor=visitor)
    return RedirectResponse(f"/ui/told?{urlencode({'of': number, 'order': action.kind})}", 303)


@router.get("/ui/told")
@page_for_all_that_goes_wrong
async def told(request: Request) -> Response:
    visitor = await visitor_of(request)
    if not visitor.may_read:
        return to_login(request)
    _, view, _ = _told_view(request, request.url.query)
    made = await view(facts_of(request), request.query_params)
    return await show(request, made, here="machines", visitor=visitor, is_live=True)


@router.get("/ui/login")
@page_for_all_that_goes_wrong
async def login(request: Request) -> Response:
    visitor = await visitor_of(request)
    https = (await facts_of(request).status()).https
    host = request.url.hostname or ""
    values = {
        "then": local(request.query_params.get("then", "/")), "failed": "failed" in request.query_params,
        "there": f"https://{host}{f':{https.port}' if https.port != 443 else ''}" if https else "",
    }  # fmt: skip
    return await show(request, Page("login.html", values), here="login", visitor=visitor, quiet=True)


@router.get("/ui/static/{name}")
async def static(request: Request, name: str) -> Response:
    found = assets.answer(name, request.query_params.get("v", ""))
    return found or await missing(request)


@router.get("/ui/{_:path}")
@page_for_all_that_goes_wrong
async def missing(request: Request) -> Response:
    what = "There is no page at this address."
    return await show(request, Page("missing.html", {"what": what}, 404), here="")


async def show(request: Request, made: Page, *, here: str, visitor: Visitor | None = None,
                is_live: bool = False, quiet: bool = False) -> Response:
    """quiet: the page tells nothing of the site, for it can be seen without the right to read."""
    visitor = visitor or await visitor_of(request)
    status = await facts_of(request).status() if visitor.may_read and not quiet else None
    path = _address(request) if is_live else ""
    return pages.document(made, visitor, here=here, path=path, status=status)


def _told_view(request: Request, query: str) -> tuple[str, views.View, dict[str, str]]:
    """What became of an action, as a view like others."""
    said = dict(parse_qsl(query))

    async def view(_: Facts, __: Mapping[str, str]) -> Page:
        outcome = _state(request).desk.outcome(said.get("of", ""))
        kind = said.get("order", "")
        return Page("told.html", {"outcome": outcome, "title": actions.TITLES.get(kind, "Ordered")})

    return "machines", view, {}


async def _form(request: Request) -> dict[str, list[str]]:
    """The fields of a form that the page has made: urlencoded."""
    body = await body_of(request, MAX_FORM_BYTES)
    if body is None:
        raise Refused(f"the form is longer than {MAX_FORM_BYTES} bytes; nothing was done")
    return parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)


def facts_of(request: Request) -> Facts:
    found: Facts = request.app.state.facts
    return found


def _address(request: Request) -> str:
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")


def local(path: str) -> str:
    """An address of this site, or the front page: nobody is led elsewhere after his login."""
    return path if path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable() else "/"


def to_login(request: Request) -> Response:
    return RedirectResponse(f"/ui/login?then={quote(_address(request), safe='')}", 303)
