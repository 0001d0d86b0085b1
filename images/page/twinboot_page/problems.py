"""Errors as application/problem+json (RFC 9457): title, status, and in detail what an operator can do."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from .client import SidecarDown
from .facts import Refused
from .headers import HEADERS

MEDIA_TYPE = "application/problem+json"


class ProblemBody(BaseModel):
    """What every error looks like."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str = ""
    errors: list[str] | None = None


class Problem(Exception):
    """Raised by routes. errors: each fault on its own, where there are several."""

    def __init__(self, status: int, detail: str, *, errors: list[str] | None = None,
                 headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail, self.errors, self.headers = status, detail, errors, headers


def response(status: int, detail: str, errors: list[str] | None = None,
             headers: dict[str, str] | None = None) -> JSONResponse:
    body = ProblemBody(title=HTTPStatus(status).phrase, status=status, detail=detail, errors=errors)
    return JSONResponse(
        body.model_dump(exclude_none=True), status, headers={**(headers or {})}, media_type=MEDIA_TYPE)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problems of a route, for its `responses`."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemBody"}}}
    return {one: {"description": HTTPStatus(one).phrase, "content": content} for one in statuses}


def describe(app: FastAPI) -> None:
    """Adds what every error looks like, and how a token is sent, to the application's description."""
    made = app.openapi

    def with_problems() -> dict[str, Any]:
        found = made()
        components = found.setdefault("components", {})
        components.setdefault("schemas", {})["ProblemBody"] = ProblemBody.model_json_schema()
        components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        found["security"] = [{}, {"token": []}]
        return found

    app.openapi = with_problems  # type: ignore[method-assign]


def install(app: FastAPI) -> None:
    """Every error that leaves the application looks like this."""

    @app.exception_handler(Problem)
    async def _problem(_: Request, exc: Problem) -> Response:
        return response(exc.status, exc.detail, exc.errors, exc.headers)

    @app.exception_handler(SidecarDown)
    async def _down(_: Request, exc: SidecarDown) -> Response:
        return response(503, f"{exc}: docker compose logs sidecar", headers={"Retry-After": "2"})

    @app.exception_handler(Refused)
    async def _refused(_: Request, exc: Refused) -> Response:
        return response(exc.status or 409, str(exc), exc.errors)

    @app.exception_handler(RequestValidationError)
    async def _invalid(_: Request, exc: RequestValidationError) -> Response:
        found = [f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}" for one in exc.errors()]
        return response(422, "the request is not as the description of the API says", found)

    @app.exception_handler(Exception)
    async def _fault(_: Request, __: Exception) -> Response:
        return response(500, "the page has a fault: docker compose logs page", headers=HEADERS)

    @app.exception_handler(HTTPException)
    async def _http(_: Request, exc: HTTPException) -> Response:
        return response(exc.status_code, str(exc.detail), headers=dict(exc.headers or {}))
