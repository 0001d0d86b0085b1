"""From facts to HTML: templates, what every page has, errors.

A part of a page that changes by itself is a block of its template whose name begins with `live_`: it can be
made alone, for a browser that has the rest. Such a block shows the same to all who may act, and to all who
may not.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup, escape
from starlette.responses import HTMLResponse

from ..models import Status
from . import assets, machines, words
from .visitor import Visitor

LIVE = "live_"


@dataclass(frozen=True, slots=True)
class Page:
    """What one address shows. template: its file; values: what it needs; status: of the answer."""

    template: str
    values: Mapping[str, Any] = field(default_factory=dict)
    status: int = 200


def _harmless(value: object) -> object:
    """Everything that a template shows goes through here, and is escaped afterwards."""
    return words.clean(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def exactly(text: str) -> Markup:
    """What an operator wrote himself and will send again: escaped, and otherwise as it is."""
    return escape(text)


def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True,
        undefined=StrictUndefined, finalize=_harmless, trim_blocks=True, lstrip_blocks=True,
        auto_reload=False,
    )  # fmt: skip
    made.filters |= {
        "age": words.age, "count": words.count, "duration": words.duration, "iso": words.iso,
        "last_line": words.last_line, "moment": words.moment, "pieces": words.pieces,
        "exactly": exactly, "short_time": words.short_time, "since": words.since, "size": words.size,
        "tone": words.tone,
    }  # fmt: skip
    made.globals |= {
        "asset": assets.link, "build": assets.build(), "signs": words.SIGNS, "percent": machines.percent,
        "so_far": machines.so_far, "heard": machines.heard, "told": machines.told, "erases": machines.erases,
        "says": machines.says, "named": machines.named, "history_of": machines.history_of,
    }  # fmt: skip
    made.globals["parts"] = made.get_template("parts.html").module
    return made


_ENVIRONMENT = _environment()


def document(page: Page, visitor: Visitor, *, here: str, path: str = "", status: Status | None = None
             ) -> HTMLResponse:
    """The whole of it. here: the part of the site it belongs to; path: its address, where parts of it are
    made anew; status: None when the sidecar is down."""
    values = {
        **page.values, "visitor": visitor, "here": here, "path": path, "status": status, "now": time.time(),
    }  # fmt: skip
    text = _ENVIRONMENT.get_template(page.template).render(values)
    return HTMLResponse(text, page.status)


def parts(page: Page, visitor: Visitor, status: Status) -> dict[str, str]:
    """The page's live parts, by the id of the element that holds each."""
    template = _ENVIRONMENT.get_template(page.template)
    values = {**page.values, "visitor": visitor, "status": status}
    return {name.removeprefix(LIVE): _block(template, name, values) for name in _live_blocks(template)}


def _live_blocks(template: Template) -> list[str]:
    return [name for name in template.blocks if name.startswith(LIVE)]


def _block(template: Template, name: str, values: Mapping[str, Any]) -> str:
    return "".join(template.blocks[name](template.new_context(dict(values)))).strip()
