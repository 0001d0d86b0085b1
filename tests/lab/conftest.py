"""One lab for the whole run, under a name of its own, so that a user's lab is not disturbed.

Each test finds it healed and each group at its preferred server. On a failure the report of all
servers goes with it.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from twinlab import Lab
from twinlab.host import testlab
from twinlab.host.labsite import ROOT

NAME = testlab.name()
BIG_BYTES = 60 << 20
PREFERRED = {"first": "server1", "second": "server2"}


def say(text: str) -> None:
    print(f"lab: {text}", flush=True)


@pytest.fixture(scope="session")
def trees() -> Path:
    """An install tree of a few files, one of them big enough to be interrupted."""
    folder = ROOT / "build/lab/test-trees"
    tree = folder / "rh9"
    (tree / "images/pxeboot").mkdir(parents=True, exist_ok=True)
    draw = random.Random(2008)
    for name, size in (("vmlinuz", 1 << 20), ("initrd.img", 3 << 20)):
        (tree / "images/pxeboot" / name).write_bytes(draw.randbytes(size))
    (tree / ".treeinfo").write_text("[general]\nname = rh9 of the lab's tests\n")
    big = tree / "big.bin"
    if not big.exists() or big.stat().st_size != BIG_BYTES:
        big.write_bytes(draw.randbytes(BIG_BYTES))
    return folder


@pytest.fixture(scope="session")
def big_sha256(trees: Path) -> str:
    return hashlib.sha256((trees / "rh9/big.bin").read_bytes()).hexdigest()


@pytest.fixture(scope="session")
def session_lab(trees: Path) -> Iterator[Lab]:
    lab = Lab(NAME, say)
    lab.down()  # what an earlier run may have left
    try:
        yield lab.up(trees=trees)
    finally:
        lab.down()


@pytest.fixture
def lab(session_lab: Lab) -> Iterator[Lab]:
    """The lab, whole; healed again after the test."""
    session_lab.end_hold_downs()
    session_lab.wait_owned(PREFERRED)
    yield session_lab
    session_lab.heal()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[Any]:
    report = yield
    used = getattr(item, "funcargs", {})
    for lab in {id(one): one for one in used.values() if report.failed and isinstance(one, Lab)}.values():
        try:
            report.sections.append((f"the servers of {lab.layout.name}", lab.report()))
        except Exception as exc:  # the report must not hide the failure
            report.sections.append((f"the servers of {lab.layout.name}", f"no report: {exc}"))
    return report
