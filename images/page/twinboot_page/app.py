"""Builds the application from its parts."""

from __future__ import annotations

import os

from fastapi import FastAPI

from . import problems
from .api import reading
from .facts import Facts
from .line import Line
from .ui import routes as ui

VERSION = os.environ.get("TWINBOOT_VERSION", "0")


def application(line: Line | None = None) -> FastAPI:
    """line: to the sidecar; tests give another."""
    app = FastAPI(
        title="Twinboot", version=VERSION, openapi_url="/api/v1/openapi.json", docs_url=None, redoc_url=None,
        description="Install servers that act as one: what they know, and what they can be told.",
    )
    app.state.facts = Facts(line or Line())
    problems.install(app)
    app.include_router(reading.router, prefix="/api/v1")
    app.include_router(ui.router)
    return app
