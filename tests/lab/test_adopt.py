"""Downloads of clients that do not resume, while their server dies or hands over: none notices.

On trial, and so with a lab of its own: the adopter runs only where .env and the site file ask for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from adopthelp import Fetch
from labhelp import ODD, host
from twinlab import Lab, testlab
from twinlab.labsite import DEFAULT_SITE

PROGRAMS = ("curl", "curl-dracut", "wget", "lftp", "busybox")
BOTH_ON_2 = {"first": "server2", "second": "server2"}
HOME = {"first": "server1", "second": "server2"}

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def adopting(trees: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    site = tmp_path_factory.mktemp("adopt") / "site.yaml"
    site.write_text(DEFAULT_SITE.read_text() + "\nadopt: on\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TWINBOOT_ADOPT", "on")
        with Lab(testlab.name("adopt")).up(site=site, trees=trees) as lab:
            yield lab


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("fault", ["power-off", "standby"])
def test_no_client_notices(adopting: Lab, big_sha256: str, fault: str, program: str) -> None:
    """By FTP and by HTTP at the same time. Every byte right, and not one reset."""
    adopting.forgive()
    adopting.wait_owned(HOME)
    address = adopting.address("first")
    with host(adopting, ODD) as client:
        fetches = [Fetch.start(adopting, client, program, scheme, address) for scheme in ("http", "ftp")]
        for fetch in fetches:
            fetch.under_way(1 << 20)
        with adopting.fault(fault, 1):
            adopting.wait_owned(BOTH_ON_2)
            for fetch in fetches:
                fetch.finish(big_sha256)
        for fetch in fetches:
            assert fetch.resets() == "", fetch.name
            assert fetch.silence_s() < 15, fetch.name
    adopting.heal()
