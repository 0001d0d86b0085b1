"""The reference of the site file as a Markdown table, made from the model's own descriptions.

Owns only the layout of the table; what each setting means stands in `model`.
"""

from __future__ import annotations

import types
from collections.abc import Iterator
from enum import Enum
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from .model.base import Model
from .model.site import Site


def markdown() -> str:
    """One row per setting: path, default, meaning. `<name>` stands for a key the operator chooses."""
    rows = ["| setting | default | meaning |", "|---|---|---|"]
    rows += [f"| `{path}` | {default} | {meaning} |" for path, default, meaning in _rows(Site, "")]
    return "\n".join(rows) + "\n"


def _rows(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, str, str]]:
    by_kinds = model.meanings_by_kinds() if issubclass(model, Model) else {}
    for name, info in model.model_fields.items():
        if info.alias is not None:  # gathered from settings of kinds
            continue
        below, suffix = _nested(info.annotation)
        path = f"{prefix}{name}{suffix}"
        yield path, _default(info, below), by_kinds.get(name, info.description or "").replace("|", "\\|")
        told = set()
        for one in below:
            for row in _rows(one, path + "."):
                if row[0] not in told:  # what two kinds of an entry have in common stands once
                    told.add(row[0])
                    yield row
    if issubclass(model, Model):
        for name, schema in model.settings_of_kinds().items():
            yield f"{prefix}{name}", "", schema["description"]


def _nested(annotation: Any) -> tuple[tuple[type[BaseModel], ...], str]:
    """The models below an annotation, if any, and what their path gets: a chosen key, a list, or nothing."""
    origin, args = get_origin(annotation), get_args(annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return (annotation,), ""
    if origin is Annotated:
        return _nested(args[0])
    if origin is dict:
        return _nested(args[1])[0], ".<name>"
    if origin is tuple:
        below = _nested(args[0])[0]
        return below, "[]" if below else ""
    if origin in (Union, types.UnionType):
        below = tuple(model for arg in args for model in _nested(arg)[0])
        return below, next((found[1] for arg in args if (found := _nested(arg))[0]), "")
    return (), ""


def _default(info: FieldInfo, below: tuple[type[BaseModel], ...]) -> str:
    value = info.default
    if value is PydanticUndefined:
        return "required"
    if below or value is None or value in ((), {}, ""):
        return ""
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, bool):
        value = str(value).lower()
    if isinstance(value, tuple):
        value = ", ".join(map(str, value))
    return f"`{value}`"
