"""A trees folder in memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from treesmade import folder_in_memory


@pytest.fixture
def trees() -> Iterator[Path]:
    with folder_in_memory() as folder:
        yield folder
