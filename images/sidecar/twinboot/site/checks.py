"""How the items of a site must fit together (skeleton)."""

from __future__ import annotations

from .draft import Draft
from .faults import Fault


def check(draft: Draft) -> list[Fault]:
    """Every fault between sound items."""
    return []
