"""Entries of a site file's text are put in, changed and taken out, and every other byte stays as it is. Pure.

The places are those that YAML's own parser tells (libyaml's marks), so that comments, order, quotes and line
ends of an operator stay. Where that cannot be done, ruamel.yaml writes the file anew, with its comments,
order and quotes. What comes out is read again and compared with what is wanted, before anybody gets it.

A path is the keys from the top: ("hosts", "web1", "address"). What is read has texts alone for scalars, so
that nothing is taken for equal that is not.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import yaml

from .text_edits import Edits, EditsImpossible

Path = tuple[str, ...]
_Base: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_Dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_BOM = "\ufeff"
_LONGEST_LINE = 100
_NOTHING = ("", "~", "null")
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*|\d+\.\d+\.\d+\.\d+")
_NOT_TEXT = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}
"""Words that are no text in some version of YAML: they are written in quotes."""


class EditError(Exception):
    """The text was not changed; why."""


def edited(
    text: str, put: Mapping[Path, object], drop: Collection[Path] = (), *, block: bool | None = None
) -> str:
    """The text with these values, and without these keys. block: whether new entries are lines of their own
    for each key; None: as the last entry of their section is. EditError."""
    mark, text = text[:text.startswith(_BOM)], text.removeprefix(_BOM)
    before = _root(text)
    wanted = _plain(before)
    for path, value in put.items():
        _put(wanted, path, _as_read(value))
    for path in drop:
        _drop(wanted, path)
    made = _by_places(text, before, put, drop, block)
    if made is None or _read(made) != wanted:
        made = _anew(text, put, drop)
        if _read(made) != wanted:
            raise EditError("the entries do not fit into it; change its lines by hand")
    return mark + made


def read(text: str) -> dict[str, Any]:
    """What a file says, scalars as they are written. EditError: it is no mapping."""
    found: dict[str, Any] = _plain(_root(text.removeprefix(_BOM)))
    return found


def block_lines(document: Mapping[str, Any]) -> str:
    """A line for each key."""
    text: str = yaml.dump(
        document, Dumper=_Dumper, sort_keys=False, width=4096, allow_unicode=True, default_flow_style=False
    )
    return text


def flow(value: object, *, as_json: bool = False) -> str:
    """A value on one line. as_json: with every text in quotes."""
    if isinstance(value, Mapping):
        pairs = ((flow(str(key), as_json=as_json), flow(one, as_json=as_json)) for key, one in value.items())
        return "{" + ", ".join(f"{key}: {one}" for key, one in pairs) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(flow(one, as_json=as_json) for one in value) + "]"
    if isinstance(value, str) and not as_json and _PLAIN.fullmatch(value) and value.lower() not in _NOT_TEXT:
        return value
    quoted = json.dumps(value, ensure_ascii=False)
    return quoted if quoted.isprintable() else "".join(map(_escaped, quoted))


def _escaped(character: str) -> str:
    """YAML 1.2, 5.7: as JSON has it, and longer where JSON would need two."""
    number = ord(character)
    if character.isprintable():
        return character
    return f"\\u{number:04x}" if number < 1 << 16 else f"\\U{number:08x}"


# By the parser's places ---------------------------------------------------------------------------


def _by_places(
    text: str, root: yaml.MappingNode, put: Mapping[Path, object], drop: Collection[Path], block: bool | None
) -> str | None:
    """None: the file has a form in which places do not tell enough."""
    as_json = text.lstrip().startswith("{")

    def entry(path: Path, value: object, neighbour: yaml.Node | None) -> str:
        one = flow(value, as_json=as_json)
        line = f"{flow(path[-1], as_json=as_json)}: {one}"
        flat = block is False or (block is None and (neighbour is None or not _is_block(neighbour)))
        if as_json or not isinstance(value, Mapping) or not value or (flat and len(line) <= _LONGEST_LINE):
            return line
        return block_lines({path[-1]: value}).rstrip("\n")

    edits = Edits(text, root, entry, lambda value: flow(value, as_json=as_json))
    try:
        for path, value in put.items():
            edits.put(path, value)
        edits.drop(drop)
        return edits.done()
    except EditsImpossible:
        return None


def _is_block(node: yaml.Node) -> bool:
    return isinstance(node, yaml.CollectionNode) and not node.flow_style


# By ruamel.yaml -----------------------------------------------------------------------------------


def _anew(text: str, put: Mapping[Path, object], drop: Collection[Path]) -> str:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    round_trip = YAML()
    round_trip.preserve_quotes = True
    round_trip.width = 4096
    out = io.StringIO()
    try:
        root = round_trip.load(text)
        for path, value in put.items():
            _put(root, path, value)
        for path in drop:
            _drop(root, path)
        round_trip.dump(root, out)
    except YAMLError as exc:
        raise EditError("the entries do not fit into it; change its lines by hand") from exc
    return out.getvalue()


# What is wanted -----------------------------------------------------------------------------------


def _put(root: Any, path: Path, value: object) -> None:
    at = root
    for key in path[:-1]:
        if at.get(key) in (None, *_NOTHING):
            at[key] = {}
        at = at[key]
        if not isinstance(at, Mapping):
            raise EditError(f"its `{'.'.join(path[:-1])}` is no mapping; scripts/twinboot check says what is "
                            "wrong")  # fmt: skip
    at[path[-1]] = value


def _drop(root: Any, path: Path) -> None:
    at = root
    for key in path[:-1]:
        at = at.get(key) if isinstance(at, Mapping) else None
        if not isinstance(at, Mapping):
            raise EditError(f"it has no `{'.'.join(path)}`")
    if path[-1] not in at:
        raise EditError(f"it has no `{'.'.join(path)}`")
    del at[path[-1]]


def _as_read(value: object) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _as_read(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_as_read(one) for one in value]
    return value if isinstance(value, str) else json.dumps(value)


def _root(text: str) -> yaml.MappingNode:
    try:
        root = yaml.compose(text, Loader=_Base)
    except yaml.YAMLError:
        root = None
    if not isinstance(root, yaml.MappingNode):
        raise EditError("the site file is no mapping of keys; scripts/twinboot check says what is wrong")
    return root


def _read(text: str) -> object:
    try:
        return _plain(_root(text))
    except EditError:
        return None


def _plain(node: yaml.Node) -> Any:
    """The values of a node, all scalars as text."""
    if isinstance(node, yaml.MappingNode):
        return {str(key.value): _plain(value) for key, value in _pairs(node)}
    if isinstance(node, yaml.SequenceNode):
        return [_plain(one) for one in node.value]
    return node.value


def _pairs(node: yaml.MappingNode) -> Iterator[tuple[yaml.Node, yaml.Node]]:
    yield from node.value
