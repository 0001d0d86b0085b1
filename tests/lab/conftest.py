"""One lab for the whole run, under a name of its own, so that a user's lab is not disturbed.

Each test finds it healed and each group at its preferred server; `lab_readonly` is for those that only look,
which neither heal nor wait when the one before broke nothing either. On a failure the report of all
servers goes with it.
"""

from __future__ import annotations

import hashlib
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from apihelp import API
from twinlab import Lab
from twinlab.host import netboot, testlab
from twinlab.host.labsite import ROOT

NAME = testlab.name()
BIG_BYTES = 60 << 20
PREFERRED = {"first": "server1", "second": "server2"}
UEFI_HOSTS = {
    "uefi131": {"mac": "52:54:00:00:01:31", "address": "192.168.0.131"},
    "uefi132": {"mac": "52:54:00:00:01:32", "address": "192.168.0.132"},
}
"""They boot Debian's own shim, GRUB and kernel."""
TREE_SYNC = {"rate_mb_s": 20, "check_days": 20 / 86_400}
"""Slow enough that a fetch can be interrupted; read again every 20 s."""


def say(text: str) -> None:
    print(f"lab: {text}", flush=True)


@pytest.fixture(scope="session")
def trees() -> Path:
    """An install tree of a few files, one of them big enough to be interrupted; and Debian's netboot files,
    with an initrd that is none: a test looks for the kernel's first lines."""
    folder = ROOT / "build/lab/test-trees"
    tree = folder / "rh9"
    (tree / "images/pxeboot").mkdir(parents=True, exist_ok=True)
    draw = random.Random(2008)
    for name, size in (("vmlinuz", 1 << 20), ("initrd.img", 3 << 20)):
        _write_whole(tree / "images/pxeboot" / name, draw.randbytes(size))
    _write_whole(tree / ".treeinfo", b"[general]\nname = rh9 of the lab's tests\n")
    big = tree / "big.bin"
    if not big.exists() or big.stat().st_size != BIG_BYTES:
        _write_whole(big, draw.randbytes(BIG_BYTES))
    built = netboot.build_netboot(say) / netboot.TREE / netboot.inside()
    loaded = folder / netboot.TREE / netboot.inside()
    loaded.mkdir(parents=True, exist_ok=True)
    for name in ("bootnetx64.efi", "grubx64.efi", "linux"):
        _write_whole(loaded / name, (built / name).read_bytes())
    _write_whole(loaded / "initrd.gz", draw.randbytes(1 << 20))
    return folder


def _write_whole(path: Path, data: bytes) -> None:
    """A run beside this one may serve the same tree: it sees the old file or the new one, whole."""
    if path.exists() and path.read_bytes() == data:
        return
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.write_bytes(data)
    part.rename(path)


@pytest.fixture(scope="session")
def big_sha256(trees: Path) -> str:
    return hashlib.sha256((trees / "rh9/big.bin").read_bytes()).hexdigest()


@pytest.fixture(scope="session")
def session_lab(trees: Path) -> Iterator[Lab]:
    lab = Lab(NAME, say)
    lab.down()  # what an earlier run may have left
    try:
        patch = {**netboot.site_patch(UEFI_HOSTS), "tree_sync": TREE_SYNC, "api": API}
        yield lab.up(trees=trees, patch=patch)
    finally:
        lab.down()


_whole: set[Lab] = set()
"""Labs that were waited for, and at which tests have done nothing since but look."""


@pytest.fixture
def lab(session_lab: Lab) -> Iterator[Lab]:
    """The lab, whole; healed again after the test."""
    _make_whole(session_lab)
    _whole.discard(session_lab)
    yield session_lab
    session_lab.heal()


@pytest.fixture
def lab_readonly(session_lab: Lab) -> Lab:
    """The lab, whole, for a test that changes nothing on its servers."""
    _make_whole(session_lab)
    return session_lab


def _make_whole(lab: Lab) -> None:
    if lab in _whole and lab.owners() == {group: [server] for group, server in PREFERRED.items()}:
        return
    lab.end_hold_downs()
    lab.wait_owned(PREFERRED)
    _whole.add(lab)


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
