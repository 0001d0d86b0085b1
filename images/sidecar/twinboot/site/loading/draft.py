"""A faulty site file as far as it can be read: pydantic's errors of the whole, and every valid item.

pydantic reports all invalid values at once, but returns nothing for a document that has one. This adds the
valid items one by one, so that `checks` can compare them though others are faulty; the names of all items,
for references; defaults that depend on other keys; and the text of a fault. Cross-checks are in `checks`.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, Tag, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from ..faults import MISSING, Fault, did_you_mean, join_path
from ..model.boot import Boot
from ..model.links import link_kind
from ..model.site import (
    Api,
    Balancing,
    Dns,
    Group,
    Heartbeat,
    Host,
    LinkKind,
    Metrics,
    Profile,
    Record,
    Server,
    Site,
    SitePower,
    Subnet,
    Takeover,
    Tree,
    Webhook,
)
from .renamed import renamed_to

T = TypeVar("T")
Loc = tuple[str | int, ...]


@dataclass
class Draft:
    """The sound items of a site file, the faults of the others, and every name that is written at all."""

    document: dict[str, Any]
    faults: list[Fault] = field(default_factory=list)
    domain: str | None = None
    balancing: Balancing | None = None
    boot: Boot | None = None
    dns: Dns | None = None
    heartbeat: Heartbeat | None = None
    metrics: Metrics | None = None
    api: Api | None = None
    takeover: Takeover | None = None
    power: SitePower | None = None
    servers: dict[str, Server] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    trees: dict[str, Tree] = field(default_factory=dict)
    profiles: dict[str, Profile] = field(default_factory=dict)
    hosts: dict[str, Host] = field(default_factory=dict)
    subnets: dict[int, Subnet] = field(default_factory=dict)
    records: dict[int, Record] = field(default_factory=dict)
    webhooks: dict[int, Webhook] = field(default_factory=dict)
    names: dict[str, tuple[str, ...]] = field(default_factory=dict)
    unread: set[str] = field(default_factory=set)  # sections whose names are not known

    def complete(self, *sections: str) -> bool:
        """Whether every written item of these sections is sound."""
        return all(len(getattr(self, section)) == len(self.names[section]) for section in sections)

    def loaders_in_use(self) -> tuple[str, ...]:
        """Names of the boot loaders that the site uses; none, when the section `boot` is faulty."""
        return self.boot.in_use() if self.boot is not None else ()


def draft_of(document: Mapping[str, Any]) -> Draft:
    """Reads what can be read of a document."""
    sections = {key: copy.copy(value) for key, value in document.items() if value is not None}
    filled = _fill_links(sections)
    draft = Draft(sections)
    faulty = _check_shape(draft, filled)
    draft.domain = _sound_section(draft, "domain", faulty)
    draft.balancing = _sound_section(draft, "balancing", faulty)
    draft.boot = _sound_section(draft, "boot", faulty)
    draft.heartbeat = _sound_section(draft, "heartbeat", faulty)
    draft.metrics = _sound_section(draft, "metrics", faulty)
    draft.api = _sound_section(draft, "api", faulty)
    draft.takeover = _sound_section(draft, "takeover", faulty)
    draft.power = _sound_section(draft, "power", faulty)
    draft.servers = _sound_items(draft, "servers", Server, faulty)
    draft.groups = _sound_items(draft, "groups", Group, faulty)
    draft.trees = _sound_items(draft, "trees", Tree, faulty)
    draft.profiles = _sound_items(draft, "profiles", Profile, faulty)
    draft.hosts = _sound_items(draft, "hosts", Host, faulty)
    draft.subnets = _sound_list(sections.get("subnets"), ("subnets",), Subnet, faulty)
    draft.webhooks = _sound_list(sections.get("webhooks"), ("webhooks",), Webhook, faulty)
    draft.names["webhooks"] = tuple(map(str, range(_length(sections.get("webhooks")))))
    draft.names["subnets"] = tuple(map(str, range(_length(sections.get("subnets")))))
    _read_dns(draft, faulty)
    return draft


@functools.cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _value_of(kind: Any, raw: object) -> Any:
    """The value of an item whose shape has been found sound."""
    return _adapter(kind).validate_python(raw)


def _check_shape(draft: Draft, filled: frozenset[Loc]) -> frozenset[Loc]:
    """Every fault that pydantic finds in the whole; returns every place that has one in it."""
    try:
        Site.model_validate(draft.document)
    except ValidationError as exc:
        faulty: set[Loc] = set()
        for error in exc.errors(include_url=False):
            where = _without_tags(Site, error["loc"])
            faulty |= {where[:end] for end in range(len(where) + 1)}
            if where not in filled and not _is_told_otherwise(error):
                draft.faults.append(_fault(where, error))
        return frozenset(faulty)
    return frozenset()


def _sound_section(draft: Draft, name: str, faulty: frozenset[Loc]) -> Any:
    """The section's value, its default when it is left out; None when it is faulty."""
    if (name,) in faulty:
        return None
    section = Site.model_fields[name]
    if name not in draft.document:
        return section.get_default()
    return _value_of(section.rebuild_annotation(), draft.document[name])


def _sound_items(draft: Draft, section: str, kind: type[T], faulty: frozenset[Loc]) -> dict[str, T]:
    """The sound items of a mapping; the names of all are known, faulty or not, unless it is no mapping."""
    raw = draft.document.get(section, {})
    if not isinstance(raw, Mapping) or (section not in draft.document and (section,) in faulty):
        draft.unread.add(section)
        raw = {}
    draft.names[section] = tuple(str(key) for key in raw)
    return {key: _value_of(kind, value) for key, value in raw.items() if (section, key) not in faulty}


def _sound_list(raw: object, loc: Loc, kind: type[T], faulty: frozenset[Loc]) -> dict[int, T]:
    if not isinstance(raw, list | tuple):
        return {}
    return {at: _value_of(kind, value) for at, value in enumerate(raw) if (*loc, at) not in faulty}


def _length(raw: object) -> int:
    return len(raw) if isinstance(raw, list | tuple) else 0


def _read_dns(draft: Draft, faulty: frozenset[Loc]) -> None:
    """The records one by one, and the rest of the section without them."""
    raw = draft.document.get("dns", {})
    if not isinstance(raw, Mapping):
        return
    records = raw.get("records")
    draft.records = _sound_list(records, ("dns", "records"), Record, faulty)
    draft.names["records"] = tuple(map(str, range(_length(records))))
    rest = {key: value for key, value in raw.items() if key != "records"}
    if not any(loc[:1] == ("dns",) and len(loc) > 1 and loc[1] != "records" for loc in faulty):
        draft.dns = Dns.model_validate(rest)


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


def _is_told_otherwise(error: ErrorDetails) -> bool:
    """Whether another fault tells it. Lists that are too short: pydantic counts the sound items only, so this
    may say again that others are faulty. A whole section: `checks` tells it in words of its own."""
    if error["type"] != "too_short":
        return False
    return len(error["input"]) >= error["ctx"]["min_length"] or len(error["loc"]) == 1


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


def _fault(where: Loc, error: ErrorDetails) -> Fault:
    path, loc = join_path(part for part in where if part != "[key]"), error["loc"]
    value: object = error["input"]
    if error["type"] not in ("missing", "extra_forbidden"):
        holds_items = error["type"] in _OF_ITEMS and _model_at(Site, (*loc, "")) is not None
        return Fault(path, value, _OF_ITEMS[error["type"]] if holds_items else _remedy(error))
    model, name = _model_at(Site, loc[:-1]), str(loc[-1])
    known = model.model_fields if model else {}
    if error["type"] == "missing":
        return Fault(path, MISSING, f"required: {known[name].description if name in known else ''}")
    new_name = renamed_to(where)
    if new_name is not None:
        return Fault(path, value, f"unknown key; it is called `{new_name}` now")
    return Fault(path, value, f"unknown key; {did_you_mean(name, known)}")


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


_OF_ITEMS = {
    "dict_type": "must be a mapping of names",
    "tuple_type": "must be a list; begin each item with `- `",
}


def _remedy(error: ErrorDetails) -> str:
    kind = error["type"]
    if kind in _REMEDIES:
        return _REMEDIES[kind](error.get("ctx", {}))
    family = kind.partition("_")[0]
    if family in _KINDS:
        return f"must be {_KINDS[family]}"
    return error["msg"]
