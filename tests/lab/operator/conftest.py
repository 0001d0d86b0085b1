"""One bare server for all that begin with nothing of Twinboot set up: it takes a minute to make."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from bareserver import Bare, bare_server
from twinlab.host import testlab


@pytest.fixture(scope="session")
def bare_machine() -> Iterator[Bare]:
    """As whoever used it last has left it."""
    with bare_server(testlab.name("bare")) as made:
        yield made
