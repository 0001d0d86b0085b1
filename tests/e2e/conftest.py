"""What whole installs need: the stand-in's tree, built once."""

from __future__ import annotations

from pathlib import Path

import pytest
from twinlab import images
from twinlab.demo.standin import build_standin


def say(text: str) -> None:
    print(f"e2e: {text}", flush=True)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "long: minutes; left out of `make test`, part of `make e2e`")


@pytest.fixture(scope="session")
def trees() -> Path:
    """The install tree of the stand-in."""
    folder = build_standin(say)
    images.ensure(say)
    return folder
