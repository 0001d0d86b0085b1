"""Before the agent is built: the committed site, rendered, is what it works by.

On the first start there is no committed site: the one that `render` made of the operator's file becomes it,
with number 0. From then on the record on the disk counts, and the file is only compared with it.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from twinboot import daemons
from twinboot.core.effects import LogLevel
from twinboot.core.model import ServiceState
from twinboot.errors import ResourceError
from twinboot.log import log_event
from twinboot.rollout.model import Committed, Version
from twinboot.rollout.record import Record, decode_record

log = logging.getLogger(__name__)

RENDER_LIMIT_S = 60.0
_LOOK_EVERY_S = 0.2
_STARTS = 3
"""The engine proxy may be a moment late after the server's own start."""


class RecordFile(Protocol):
    """adapters.statefile.StateFile, or a stand-in."""

    def read(self) -> bytes | None: ...
    def write(self, data: bytes) -> None: ...


class Renderer(Protocol):
    """adapters.engine.EngineProxyClient, or a stand-in."""

    def create(self, service: str) -> None: ...
    def start(self, service: str) -> None: ...
    def states(self, services: tuple[str, ...]) -> object: ...


@dataclass(frozen=True, slots=True)
class Begun:
    """record: None when it can neither be read nor made. fault: why the committed site is not rendered."""

    record: Record | None
    fault: str = ""


def begin(
    file: RecordFile, current: Path, config: Path, engine: Renderer, before_render: Callable[[], None]
) -> Begun:
    """The record; `current` holds its site afterwards, unless there is a fault."""
    try:
        data = file.read()
        record = decode_record(data) if data is not None else None
    except (ResourceError, ValueError) as exc:
        log_event(log, LogLevel.ERROR, "site-record-unreadable", reason=str(exc))
        return Begun(None, str(exc))
    if record is None:
        return Begun(_first(file, current, config))
    return Begun(record, render_committed(record.committed.version, current, engine, before_render))


def _first(file: RecordFile, current: Path, config: Path) -> Record | None:
    """The record of a server that never had one."""
    from twinboot.site import SiteError

    working = rendered_version(current)
    if working is None:
        return None  # read_settings() says what is wrong
    text = (current / "sidecar" / "site.json").read_text()
    with contextlib.suppress(OSError, ValueError, SiteError):
        written = (config / "site.yaml").read_text(encoding="utf-8")
        if version_of(written, 0).digest == working.digest:
            text = written  # as the operator wrote it, comments and all
    record = Record(Committed(working, text), seen=working.number)
    try:
        file.write(record.encode())
    except ResourceError as exc:
        log_event(log, LogLevel.ERROR, "site-not-kept", reason=str(exc))
    return record


def render_committed(
    wanted: Version, current: Path, engine: Renderer, before: Callable[[], None], *,
    sleep: Callable[[float], None] = time.sleep,
) -> str:
    """Have the service `render` write the committed site's files. Why that failed, or empty.

    before: called when something will be written.
    """
    if rendered_version(current) == wanted:
        return ""
    before()
    began = time.monotonic()
    fault = ""
    for _ in range(_STARTS):
        try:
            engine.start(daemons.RENDER)
        except ResourceError as exc:
            fault = str(exc)
            sleep(1.0)
            continue
        fault = _wait_rendered(wanted, current, engine, began + RENDER_LIMIT_S, sleep)
        break
    if fault:
        log_event(log, LogLevel.ERROR, "site-not-rendered", number=wanted.number, reason=fault)
    else:
        log_event(log, LogLevel.INFO, "site-rendered", number=wanted.number,
                  took_ms=round((time.monotonic() - began) * 1000))
    return fault


def _wait_rendered(
    wanted: Version, current: Path, engine: Renderer, until: float, sleep: Callable[[float], None],
) -> str:
    while time.monotonic() < until:
        if rendered_version(current) == wanted:
            return ""
        sleep(_LOOK_EVERY_S)
        try:
            states = engine.states((daemons.RENDER,))
        except ResourceError as exc:
            return str(exc)
        stopped = isinstance(states, dict) and states.get(daemons.RENDER) is ServiceState.STOPPED
        if stopped and rendered_version(current) != wanted:
            return "the service render ended without it: docker compose logs render says why"
    return f"the service render has not ended after {RENDER_LIMIT_S:g} s"


def rendered_version(current: Path) -> Version | None:
    """Version of the site whose files stand in `current`; None: there is none that can be read."""
    from twinboot.site import SiteError

    try:
        text = (current / "sidecar" / "site.json").read_text()
        return version_of(text, rendered_number(current))
    except (OSError, ValueError, SiteError):
        return None


def rendered_number(current: Path) -> int:
    try:
        return int((current / "sidecar" / "number").read_text())
    except (OSError, ValueError):
        return 0


def version_of(text: str, number: int) -> Version:
    """Version of a site file's text, YAML or JSON. SiteError when it has faults."""
    from twinboot.site import identity, loads

    return Version(number, identity.digest(loads(text, json_text=text.lstrip().startswith("{"))))
