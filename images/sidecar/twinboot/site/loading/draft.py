"""A site file read as far as it goes: each item checked on its own, so that one fault hides no other.

Owns the shape check of single items, the defaults that depend on other keys, and the wording of shape faults.
How sound items fit together is `checks`.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin

from pydantic import BaseModel, Tag, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from ..faults import MISSING, Fault, did_you_mean, join_path
from ..model.fields import Domain, Label, Name
from ..model.links import link_kind
from ..model.site import (
    Balancing,
    Dns,
    Ftp,
    Group,
    Heartbeat,
    Host,
    LinkKind,
    Metrics,
    MetricsSetting,
    Profile,
    Record,
    Server,
    Site,
    Subnet,
    TakeoverSetting,
    Tree,
)

T = TypeVar("T")
Loc = tuple[str | int, ...]


@dataclass
class Draft:
    """The sound items of a site file, the faults of the others, and every name that is written at all."""

    document: dict[str, Any]
    faults: list[Fault] = field(default_factory=list)
    domain: str | None = None
    balancing: Balancing | None = None
    dns: Dns | None = None
    heartbeat: Heartbeat | None = None
    metrics: Metrics | None = None
    servers: dict[str, Server] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    trees: dict[str, Tree] = field(default_factory=dict)
    profiles: dict[str, Profile] = field(default_factory=dict)
    hosts: dict[str, Host] = field(default_factory=dict)
    subnets: dict[int, Subnet] = field(default_factory=dict)
    records: dict[int, Record] = field(default_factory=dict)
    names: dict[str, tuple[str, ...]] = field(default_factory=dict)
    unread: set[str] = field(default_factory=set)  # sections whose names are not known

    def complete(self, *sections: str) -> bool:
        """Whether every written item of these sections is sound."""
        return all(len(getattr(self, section)) == len(self.names[section]) for section in sections)


def draft_of(document: Mapping[str, Any]) -> Draft:
    """Reads what can be read of a document."""
    sections = {key: copy.copy(value) for key, value in document.items() if value is not None}
    draft = Draft(sections)
    for key in sections:
        if key not in Site.model_fields:
            remedy = f"unknown key; {did_you_mean(key, Site.model_fields)}"
            draft.faults.append(Fault(key, document[key], remedy))
    _check_section(draft, ("version",), Literal[1])
    _check_section(draft, ("cluster",), Name)
    draft.domain = _check_section(draft, ("domain",), Domain)
    draft.balancing = _check_section(draft, ("balancing",), Balancing)
    draft.heartbeat = _check_section(draft, ("heartbeat",), Heartbeat)
    _check_section(draft, ("ftp",), Ftp)
    draft.metrics = _check_section(draft, ("metrics",), MetricsSetting)
    _check_section(draft, ("takeover",), TakeoverSetting)
    filled = _fill_links(sections)
    draft.servers = _check_mapping(draft, "servers", Label, Server, filled)
    draft.groups = _check_mapping(draft, "groups", Name, Group)
    draft.trees = _check_mapping(draft, "trees", Name, Tree)
    draft.profiles = _check_mapping(draft, "profiles", Name, Profile)
    draft.hosts = _check_mapping(draft, "hosts", Label, Host)
    draft.subnets = _check_list(draft, ("subnets",), sections.get("subnets", MISSING), Subnet)
    _check_dns(draft)
    return draft


@functools.cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _check_section(draft: Draft, loc: Loc, kind: Any) -> Any:
    name = str(loc[0])
    if name in draft.document:
        return _validate(draft, loc, kind, draft.document[name])
    section = Site.model_fields[name]
    if section.is_required():
        draft.faults.append(Fault(name, MISSING, f"required: {section.description}"))
        return None
    return section.get_default()


def _check_mapping(
    draft: Draft, section: str, key_kind: Any, kind: type[T], ignore: frozenset[Loc] = frozenset()
) -> dict[str, T]:
    raw = draft.document.get(section, MISSING)
    draft.names[section] = ()
    if raw is MISSING:
        if Site.model_fields[section].is_required():
            remedy = f"required: {Site.model_fields[section].description}"
            draft.faults.append(Fault(section, MISSING, remedy))
            draft.unread.add(section)
        return {}
    if not isinstance(raw, Mapping):
        draft.unread.add(section)
        draft.faults.append(Fault(section, raw, "must be a mapping of names"))
        return {}
    draft.names[section] = tuple(str(key) for key in raw)
    found: dict[str, T] = {}
    for key, value in raw.items():
        sound_key = _validate(draft, (section, key), key_kind, key)
        item = _validate(draft, (section, key), kind, value, ignore)
        if item is not None and sound_key is not None:
            found[key] = item
    return found


def _check_list(draft: Draft, loc: Loc, raw: object, kind: type[T]) -> dict[int, T]:
    section = str(loc[-1])
    draft.names[section] = ()
    if raw is MISSING:
        remedy = f"required: {Site.model_fields[section].description}"
        draft.faults.append(Fault(join_path(loc), MISSING, remedy))
        return {}
    if not isinstance(raw, list | tuple):
        draft.faults.append(Fault(join_path(loc), raw, "must be a list; begin each item with `- `"))
        return {}
    draft.names[section] = tuple(str(index) for index in range(len(raw)))
    found = {index: _validate(draft, (*loc, index), kind, value) for index, value in enumerate(raw)}
    return {index: item for index, item in found.items() if item is not None}


def _check_dns(draft: Draft) -> None:
    raw = draft.document.get("dns", {})
    records: object = ()
    if isinstance(raw, Mapping):
        records = raw.get("records")
        raw = {key: value for key, value in raw.items() if key != "records"}
    draft.dns = _validate(draft, ("dns",), Dns, raw)
    draft.records = _check_list(draft, ("dns", "records"), () if records is None else records, Record)


def _fill_links(sections: dict[str, Any]) -> frozenset[Loc]:
    """Gives UDP links without address and interface those of their server; returns what was filled in."""
    filled: set[Loc] = set()
    raw = sections.get("servers")
    if not isinstance(raw, Mapping):
        return frozenset()
    servers: dict[str, Any] = dict(raw)
    for name, server in servers.items():
        if not isinstance(server, Mapping):
            continue
        links = server.get("links")
        links = {"lan": {}} if links is None else links
        if isinstance(links, Mapping):
            links = {
                link: {} if value is None else dict(value) if isinstance(value, Mapping) else value
                for link, value in links.items()
            }
            for link, value in links.items():
                if not isinstance(value, dict) or link_kind(value) == LinkKind.SERIAL:
                    continue
                if "address" not in value and "interface" not in value:
                    value.update({key: server[key] for key in ("address", "interface") if key in server})
                    filled |= {("servers", name, "links", link, key) for key in ("address", "interface")}
        servers[name] = {**server, "links": links}
    sections["servers"] = servers
    return frozenset(filled)


def _validate(draft: Draft, loc: Loc, kind: Any, value: object, ignore: frozenset[Loc] = frozenset()) -> Any:
    try:
        return _adapter(kind).validate_python(value)
    except ValidationError as exc:
        for error in exc.errors(include_url=False):
            where: Loc = (*loc, *_without_tags(kind, error["loc"]))
            if where not in ignore and not _is_consequence(error):
                draft.faults.append(_fault(where, error, kind, error["loc"]))
        return None


def _is_consequence(error: ErrorDetails) -> bool:
    """Whether this only says again that other items are wrong: pydantic counts the sound ones."""
    return error["type"] == "too_short" and len(error["input"]) >= error["ctx"]["min_length"]


def _tagged(kind: Any) -> dict[str, Any]:
    """The models of a tagged union by their tags; empty for any other type."""
    union = get_args(kind)[0] if get_origin(kind) is Annotated else kind
    parts = [get_args(part) for part in get_args(union) if get_origin(part) is Annotated]
    return {mark.tag: part[0] for part in parts for mark in part[1:] if isinstance(mark, Tag)}


def _without_tags(kind: Any, loc: Loc) -> Loc:
    """The place of an error as an operator writes it; pydantic puts the model chosen from a union into it."""
    return tuple(part for at, part in enumerate(loc) if not _tagged(_type_at(kind, loc[:at])))


def _model_at(kind: Any, loc: Loc) -> type[BaseModel] | None:
    """The model that the value at `loc` within `kind` is checked by."""
    kind = _type_at(kind, loc)
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _type_at(kind: Any, loc: Loc) -> Any:
    for part in loc:
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            found = kind.model_fields.get(str(part))
            kind = found.annotation if found else None
        elif tagged := _tagged(kind):
            kind = tagged.get(str(part))
        else:
            args = [arg for arg in get_args(kind) if arg is not Ellipsis]
            kind = args[-1] if args else None
        options = [arg for arg in get_args(kind) if isinstance(arg, type) and issubclass(arg, BaseModel)]
        if type(None) in get_args(kind) and options:
            kind = options[0]
    return kind


def _fault(where: Loc, error: ErrorDetails, kind: Any, loc: Loc) -> Fault:
    path = join_path(part for part in where if part != "[key]")
    value: object = error["input"]
    if error["type"] == "missing":
        model = _model_at(kind, loc[:-1])
        about = model.model_fields[str(loc[-1])].description if model else ""
        return Fault(path, MISSING, f"required: {about}")
    if error["type"] == "extra_forbidden":
        model = _model_at(kind, loc[:-1])
        near = did_you_mean(str(loc[-1]), model.model_fields if model else ())
        return Fault(path, value, f"unknown key; {near}")
    return Fault(path, value, _remedy(error))


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else f"{value:g}"


_REMEDIES: dict[str, Callable[[dict[str, Any]], str]] = {
    "value_error": lambda ctx: str(ctx["error"]),
    "enum": lambda ctx: f"write {ctx['expected']}",
    "literal_error": lambda ctx: f"write {ctx['expected']}",
    "greater_than": lambda ctx: f"write a number above {_number(ctx['gt'])}",
    "greater_than_equal": lambda ctx: f"write a number not below {_number(ctx['ge'])}",
    "less_than_equal": lambda ctx: f"write a number not above {_number(ctx['le'])}",
    "too_short": lambda ctx: f"write at least {ctx['min_length']} of them",
}
_KINDS = {
    "string": "text; write it in quotes when it looks like a number",
    "int": "a whole number",
    "float": "a number",
    "finite": "a finite number",
    "bool": "true or false",
    "tuple": "a list; write [one, two] or lines that begin with `- `",
    "dict": "a mapping; write key: value",
    "model": "a mapping; write key: value",
}


def _remedy(error: ErrorDetails) -> str:
    kind = error["type"]
    if kind in _REMEDIES:
        return _REMEDIES[kind](error.get("ctx", {}))
    family = kind.partition("_")[0]
    if family in _KINDS:
        return f"must be {_KINDS[family]}"
    return error["msg"]
