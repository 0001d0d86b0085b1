"""A change of the site file: what is put in and taken out, and the lines that show it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class SiteFileChange:
    """A change of the site file. lines: what an operator is shown of it."""

    put: dict[tuple[str, ...], object] = field(default_factory=dict)
    drop: list[tuple[str, ...]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
