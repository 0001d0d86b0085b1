"""What changes, as server-sent events: status, machines, alarms; a comment every 15 s when nothing does."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from fastapi import APIRouter, Depends, Request
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from ..caller import credential_of, reader
from ..event_stream import EventStream
from ..limits import Places
from ..problems import Problem, documented

router = APIRouter(tags=["reading"], dependencies=[Depends(reader)], responses=documented(401, 429, 503))


class Stream(StreamingResponse):
    """Leaves its place, however it ends."""

    media_type = "text/event-stream"

    def __init__(self, content: AsyncIterator[bytes], leave: Callable[[], None], status_code: int = 200
                 ) -> None:
        super().__init__(content, status_code, headers={"X-Accel-Buffering": "no"})
        self._leave = leave

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._leave()


_EVENTS = {"content": {"text/event-stream": {"schema": {"type": "string"}}}, "description": "events"}


@router.get("/events", response_class=Stream, responses={200: _EVENTS})
async def events(request: Request) -> Stream:
    """Server-sent events (WHATWG HTML, 9.2). `status`: the whole status, when something but times differs.
    `alarms`: all of them. `machines`: {"changed": [machine...], "gone": [name...], "reload": true when there
    are too many to tell}. `down`: the sidecar does not answer. Ends after an hour; browsers connect again."""
    events: EventStream = request.app.state.event_stream
    places: Places = request.app.state.places
    address = credential_of(request).address
    if not places.take(address):
        raise Problem(429, "too many event streams are open; close one", headers={"Retry-After": "30"})
    return Stream(events.listen(), lambda: places.leave(address))
