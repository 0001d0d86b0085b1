"""Upstream's schemas, which are not part of the project: in the folder that TWINBOOT_SCHEMAS names."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def schemas(name: str) -> Path:
    """The folder of an installer's schemas; the test is skipped without it."""
    top = os.environ.get("TWINBOOT_SCHEMAS")
    if not top or not (Path(top) / name).is_dir():
        pytest.skip(f"no schemas of {name}: TWINBOOT_SCHEMAS names no folder with them")
    return Path(top) / name
