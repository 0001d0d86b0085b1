"""A folder in memory, for the trees of several servers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from treesmade import folder_in_memory


@pytest.fixture
def folder() -> Iterator[Path]:
    with folder_in_memory() as made:
        yield made
