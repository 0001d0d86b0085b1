"""In what two sites differ, entry by entry. Both are what Site.model_dump(mode="json") gives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

ABSENT = "(absent)"


@dataclass(frozen=True, slots=True)
class Difference:
    """path: as in faults, such as `hosts.web01.address`. here, there: the values as text, or ABSENT."""

    path: str
    here: str
    there: str


def differences(here: object, there: object, path: str = "") -> Iterator[Difference]:
    """Every entry that differs; of what only one side has, the whole. The order of mappings counts."""
    if isinstance(here, dict) and isinstance(there, dict):
        for key in dict.fromkeys((*here, *there)):
            below = f"{path}.{key}" if path else str(key)
            if key not in here or key not in there:
                yield Difference(below, _text(here, key), _text(there, key))
            else:
                yield from differences(here[key], there[key], below)
        both_here = [key for key in here if key in there]
        both_there = [key for key in there if key in here]
        if both_here != both_there:
            yield Difference(
                f"{path or 'site'} (order)", ", ".join(map(str, both_here)), ", ".join(map(str, both_there))
            )
    elif here != there:
        yield Difference(path, str(here), str(there))


def _text(mapping: dict[object, object], key: object) -> str:
    return str(mapping[key]) if key in mapping else ABSENT
