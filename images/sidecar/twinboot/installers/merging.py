"""Merges what a profile says in a kind's own words into what is made of its settings.

Mappings are merged into mappings; lists and single values take the place of ours.
"""

from __future__ import annotations

from collections.abc import Mapping, Set

from pydantic import JsonValue


def merged(
    ours: Mapping[str, JsonValue], own: Mapping[str, JsonValue], *, appended: Set[str] = frozenset()
) -> dict[str, JsonValue]:
    """appended: keys at the top whose lists, however deep, are added to ours."""
    return {**ours, **{key: _value(ours.get(key), one, key in appended) for key, one in own.items()}}


def _value(ours: JsonValue, own: JsonValue, appended: bool) -> JsonValue:
    if isinstance(ours, dict) and isinstance(own, dict):
        return {**ours, **{key: _value(ours.get(key), one, appended) for key, one in own.items()}}
    if appended and isinstance(ours, list) and isinstance(own, list):
        return [*ours, *own]
    return own
