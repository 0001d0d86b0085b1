"""Kinds of alarms that a test registers for itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from twinboot.alarms import registry


@contextmanager
def only_registered_here() -> Iterator[None]:
    """What is registered within the block is gone after it."""
    before = dict(registry._kinds)
    try:
        yield
    finally:
        registry._kinds.clear()
        registry._kinds.update(before)
