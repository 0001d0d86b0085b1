"""Builds the application from its parts."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from fastapi import FastAPI

from . import problems
from .api import actions, audit, events, hosts, logs, reading, site
from .client import SidecarClient
from .event_stream import EventStream
from .facts import Facts
from .headers import SecurityHeaders
from .limits import Failures, Places
from .ui import routes, session, site_changes

MAX_STREAMS, MAX_STREAMS_EACH = 128, 12
"""Event streams at once, and of one address: six tabs of one browser, twice."""

VERSION = os.environ.get("TWINBOOT_VERSION", "0")


def application(client: SidecarClient | None = None, now: Callable[[], float] = time.monotonic) -> FastAPI:
    """client: to the sidecar. now: monotonic seconds. Tests give others."""
    app = FastAPI(
        title="Twinboot", version=VERSION, openapi_url="/api/v1/openapi.json", docs_url=None, redoc_url=None,
        description="Install servers that act as one: what they know, and what they can be told.",
    )
    facts = app.state.facts = Facts(client or SidecarClient(), now)
    app.state.failures = Failures(now)
    app.state.places = Places(MAX_STREAMS, MAX_STREAMS_EACH)
    app.state.event_stream = EventStream(facts, now)
    app.add_middleware(SecurityHeaders)
    problems.install(app)
    for one in (reading, logs, actions, hosts, site, audit, events):
        app.include_router(one.router, prefix="/api/v1")
    problems.describe(app)
    app.include_router(session.router)
    app.include_router(site_changes.router)
    app.include_router(routes.router)
    return app
