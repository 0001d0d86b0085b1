"""Writes values as YAML, block by block: what people read, and thousands of files in a second.

Owns which text may stand plain, which as lines, and which in quotes; a quoted one is JSON's, which YAML reads
the same. Sources: YAML 1.1 (what cloud-init's PyYAML reads) sections 8.2 (block scalars) and 5.7 (escapes).
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator, Mapping, Sequence

from ..alike import Alike

_PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9_./-]*( [A-Za-z0-9_./-]+)*")
_NO_TEXT = frozenset({"y", "n", "yes", "no", "true", "false", "on", "off", "null"})
"""Plain words that mean something else."""
_STEP = "  "


def yaml_of(value: Mapping[str, object]) -> str:
    """Values are text, numbers, true, false, null, and lists and mappings of them."""
    return "".join(_mapping(value, ""))


def section_of(name: str, value: Mapping[str, object]) -> str:
    """yaml_of({name: value}) for many that have most of their entries in common: each of those is written
    once."""
    return f"{name}:\n{''.join(_part(key, one) for key, one in value.items())}"


_part = Alike(lambda key, value: "".join(_mapping({key: value}, _STEP)))


def _mapping(value: Mapping[str, object], indent: str) -> Iterator[str]:
    for key, one in value.items():
        yield f"{indent}{_word(key)}:"
        yield from _behind(one, indent, list_indent=indent)


def _behind(value: object, indent: str, *, list_indent: str) -> Iterator[str]:
    """What stands behind a key, or the dash of an entry."""
    if isinstance(value, Mapping) and value:
        yield "\n"
        yield from _mapping(value, indent + _STEP)
    elif isinstance(value, Sequence) and not isinstance(value, str) and value:
        yield "\n"
        yield from _list(value, list_indent)
    elif isinstance(value, str):
        yield f" {_text(value, indent + _STEP)}"
    else:
        yield f" {json.dumps(value)}\n"


def _list(value: Sequence[object], indent: str) -> Iterator[str]:
    for one in value:
        if isinstance(one, Mapping) and one:
            inside = "".join(_mapping(one, indent + _STEP))
            yield f"{indent}- {inside[len(indent + _STEP):]}"
        else:
            yield f"{indent}-"
            yield from _behind(one, indent, list_indent=indent + _STEP)


def _word(text: str) -> str:
    plain = _PLAIN.fullmatch(text) and text.lower() not in _NO_TEXT
    return text if plain else _quoted(text)


@functools.lru_cache(maxsize=512)
def _text(text: str, indent: str) -> str:
    """With the newline at its end."""
    if not text.endswith("\n") or text.endswith("\n\n") or text[0] in " \t\n":
        return f"{_word(text)}\n"
    lines = text[:-1].split("\n")
    if not all(line.replace("\t", " ").isprintable() for line in lines):
        return f"{_quoted(text)}\n"
    return "|\n" + "".join(f"{indent}{line}\n" if line else "\n" for line in lines)


def _quoted(text: str) -> str:
    if text.isprintable():
        return json.dumps(text, ensure_ascii=False)
    # a character beyond the 16 bits of \\u is written by its eight digits
    return "".join(
        json.dumps(one)[1:-1] if ord(one) < 0x10000 else f"\\U{ord(one):08x}" for one in text
    ).join('""')
