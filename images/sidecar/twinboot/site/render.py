"""Site -> text of every configuration file of one server. Pure: the same inputs give the same bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .model import Site


@dataclass(frozen=True, slots=True)
class Rendered:
    """Files of one server by relative path: `etc` private to the daemons, `pub` what clients may fetch."""

    etc: Mapping[str, str]
    pub: Mapping[str, str]


def render(
    site: Site,
    server: str,
    *,
    templates: Sequence[Path] = (),
    previous: Mapping[str, str] | None = None,
    secrets: Mapping[str, str] | None = None,
) -> Rendered:
    """Every file of `server`.

    templates: directories, the first that has a file wins; previous: etc files of the current generation
    (zone serials grow from there); secrets: contents of the files that profiles name.
    """
    raise NotImplementedError
