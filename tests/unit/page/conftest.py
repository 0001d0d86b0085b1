"""The page over a sidecar that is played: by HTTP, and by HTTPS as the HTTP service hands it on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fakesidecar import BY_HTTP, BY_HTTPS, FakeSidecar
from fastapi.testclient import TestClient
from twinboot_page.app import application


@pytest.fixture
def sidecar() -> FakeSidecar:
    return FakeSidecar()


def still() -> float:
    """A clock that stands: what is kept for a while is kept, however slow the machine."""
    return 1000.0


@pytest.fixture
def client(sidecar: FakeSidecar) -> Iterator[TestClient]:
    with TestClient(application(sidecar, still), raise_server_exceptions=False, headers=BY_HTTP) as made:
        yield made


@pytest.fixture
def tls(sidecar: FakeSidecar) -> Iterator[TestClient]:
    app = application(sidecar, still)
    with TestClient(app, "https://ftp.example.lan", raise_server_exceptions=False, headers=BY_HTTPS) as made:
        yield made
