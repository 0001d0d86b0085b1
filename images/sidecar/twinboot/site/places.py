"""Where in a site file's text an entry stands: from a fault's path to a line. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import yaml

_Loader: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


def lines_of(text: str, paths: Iterable[str]) -> dict[str, int]:
    """By path, as `groups.first.order[1]`, the line of its key, from 1; of a key that is not there, that of
    the nearest entry around it. Paths that lead nowhere are left out, and so are all when it is no YAML."""
    try:
        root = yaml.compose(text, Loader=_Loader)
    except (yaml.YAMLError, ValueError):
        return {}
    if not isinstance(root, yaml.MappingNode):
        return {}
    found = {}
    for path in paths:
        if (line := _line(root, path)) is not None:
            found[path] = line
    return found


def _line(root: yaml.Node, path: str) -> int | None:
    at, line = root, None
    for key, number in _STEP.findall(path):
        if isinstance(at, yaml.MappingNode) and key:
            pair = next((one for one in at.value if one[0].value == key), None)
            if pair is None:
                break
            line, at = pair[0].start_mark.line + 1, pair[1]
        elif isinstance(at, yaml.SequenceNode) and number and int(number) < len(at.value):
            at = at.value[int(number)]
            line = at.start_mark.line + 1
        else:
            break
    return line
