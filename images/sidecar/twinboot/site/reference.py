"""The reference of the site file as a Markdown table, made from the model's own descriptions.

Owns only the layout of the table; what each setting means stands in `model`.
"""

from __future__ import annotations

import types
from collections.abc import Iterator
from enum import Enum
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from .model import Site


def markdown() -> str:
    """One row per setting: path, default, meaning. `<name>` stands for a key the operator chooses."""
    rows = ["| setting | default | meaning |", "|---|---|---|"]
    rows += [f"| `{path}` | {default} | {meaning} |" for path, default, meaning in _rows(Site, "")]
    return "\n".join(rows) + "\n"


def _rows(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, str, str]]:
    for name, info in model.model_fields.items():
        below, suffix = _nested(info.annotation)
        path = f"{prefix}{name}{suffix}"
        yield path, _default(info, below), (info.description or "").replace("|", "\\|")
        if below is not None:
            yield from _rows(below, path + ".")


def _nested(annotation: Any) -> tuple[type[BaseModel] | None, str]:
    """The model below an annotation, if any, and what its path gets: a chosen key, a list, or nothing."""
    origin, args = get_origin(annotation), get_args(annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, ""
    if origin is dict:
        return _nested(args[1])[0], ".<name>"
    if origin is tuple:
        below = _nested(args[0])[0]
        return below, "[]" if below else ""
    if origin in (Union, types.UnionType):
        return next((found for arg in args if (found := _nested(arg))[0]), (None, ""))
    return None, ""


def _default(info: FieldInfo, below: type[BaseModel] | None) -> str:
    value = info.default
    if value is PydanticUndefined:
        return "required"
    if below is not None or value is None or value in ((), {}, ""):
        return ""
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, bool):
        value = str(value).lower()
    if isinstance(value, tuple):
        value = ", ".join(map(str, value))
    return f"`{value}`"
