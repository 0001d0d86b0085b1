"""What whole installs need: the stand-in's tree, built once."""

from __future__ import annotations

from pathlib import Path

import pytest
from twinlab.demo.standin import build_standin
from twinlab.host import images


def say(text: str) -> None:
    print(f"e2e: {text}", flush=True)


@pytest.fixture(scope="session")
def trees() -> Path:
    """The install tree of the stand-in."""
    folder = build_standin(say)
    images.ensure(say)
    return folder
