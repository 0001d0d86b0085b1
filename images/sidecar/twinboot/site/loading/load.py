"""Reads a site file: YAML (or JSON) text -> Site, or every fault of it at once.

Owns syntax: line and column of syntax errors, duplicate keys, and a plain reading of scalars. YAML 1.1 reads
52:54:00:00:01:28 as a number in base 60 and `no` as false; here only decimal numbers, true, false and null
are anything but text (close to YAML 1.2's core schema, 10.3.2), and keys are always text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from ..checks.consistency import check
from ..faults import Fault, SiteError, join_path
from ..model.site import Site
from .draft import Draft, draft_of
from .yaml_fault import yaml_fault

_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Base):  # type: ignore[misc]
    """Safe YAML with text keys, no duplicate keys and the scalars of YAML 1.2."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 -- PyYAML's own hook

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: dict[str, yaml.Node] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                problem = "a key must be plain text"
                raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
            if key.tag == "tag:yaml.org,2002:merge":
                continue
            if key.value in seen:
                line = seen[key.value].start_mark.line + 1
                problem = f"the key {key.value!r} stands here again (first in line {line}); remove one"
                raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
            seen[key.value] = key
            key.tag = "tag:yaml.org,2002:str"
        self.flatten_mapping(node)
        return {key.value: self.construct_object(value, deep=True) for key, value in node.value}


def _construct_mapping(loader: _Loader, node: yaml.MappingNode) -> Any:
    data: dict[Hashable, Any] = {}
    yield data
    data.update(loader.construct_mapping(node))


_Loader.add_constructor("tag:yaml.org,2002:map", _construct_mapping)
for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("int", r"[-+]?(0|[1-9][0-9]*)", "-+0123456789"),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+\.[0-9]*)", "-+.0123456789"),
    ("merge", r"<<", "<"),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"(?:{_pattern})$"), list(_first))


def _read_yaml(text: str) -> object:
    try:
        return yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as exc:
        raise SiteError([yaml_fault(text, exc)]) from exc
    except (yaml.YAMLError, ValueError, RecursionError) as exc:
        raise SiteError([Fault("file", text[:40], f"not YAML: {exc}")]) from exc


def _read_json(text: str) -> object:
    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in items:
            if key in found:
                raise SiteError([Fault("file", key, "this key stands twice in one object; remove one")])
            found[key] = value
        return found

    try:
        return json.loads(text, object_pairs_hook=pairs)
    except json.JSONDecodeError as exc:
        raise SiteError([Fault(f"line {exc.lineno}, column {exc.colno}", exc.msg, "not JSON")]) from exc


_START = "begin with a copy of config/examples/parity.yaml"
_UNREADABLE: dict[type[OSError], str] = {
    FileNotFoundError: f"cannot be read: is not there; {_START}",
    PermissionError: "cannot be read by this user; chmod a+r, or run this as root",
    IsADirectoryError: f"cannot be read: is a folder, not a file; {_START}",
}


def parse(document: object) -> Site:
    """A read document -> Site. Raises SiteError with every fault."""
    if document is None:
        raise SiteError([Fault("file", "", f"is empty; {_START}")])
    if not isinstance(document, Mapping):
        raise SiteError([Fault("file", document, "must be a mapping of keys; begin with `version: 1`")])
    draft: Draft = draft_of(document)
    faults = [*draft.faults, *check(draft)]
    if faults:
        raise SiteError(faults)
    try:
        return Site.model_validate(draft.document)
    except ValidationError as exc:  # a gap in draft or checks: tell what can be told
        raise SiteError(
            Fault(join_path(error["loc"]), error["input"], error["msg"]) for error in exc.errors()
        ) from exc


def loads(text: str, *, json_text: bool = False) -> Site:
    """Text -> Site. Raises SiteError with every fault."""
    return parse(_read_json(text) if json_text else _read_yaml(text))


def load(path: str | Path) -> Site:
    """The site file at `path` (JSON when it is named so) -> Site. Raises SiteError with every fault."""
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as exc:
        remedy = _UNREADABLE.get(type(exc), "cannot be read")
        raise SiteError([Fault(str(path), exc.strerror, remedy)]) from exc
    except UnicodeDecodeError as exc:
        raise SiteError([Fault(str(path), exc.reason, "not UTF-8 text")]) from exc
    return loads(text, json_text=path.suffix == ".json")
