"""How far a machine is on its way to its installer, by the files that it fetches. Pure.

Only what a loader and a kernel fetch is told apart; from then on the installer itself reports. What is
neither in a tree nor an answer is a loader's. Boot loader and installer kinds keep to these names
(loaders/base.py, installers/base.py); where files are published, it is checked with what stands here.
"""

from __future__ import annotations

from collections.abc import Collection

from .record import Step

_OWN = "host."
_BOOT_FILES = "boot/"
_TREES, _ANSWERS = "trees/", ("ks/", "answers/")


def step_of(path: str, kernels: Collection[str]) -> Step | None:
    """path: as it was asked for, by TFTP, FTP or HTTP. kernels: kernel and initrds of the machine's profile,
    below the root of all three. None: it says nothing of how far a machine is."""
    name = _plain(path)
    if name in kernels:
        return Step.KERNEL
    if is_answer(path):
        return Step.ANSWERS
    return None if name.startswith(_TREES) else Step.LOADER


def asked_by(path: str) -> str:
    """The host whose own boot file this is, by the name that DHCP gave it: so it is known wherever it asks
    from. Empty: the path names none."""
    name = path.rpartition("/")[2]
    return name.split(".")[1] if name.startswith(_OWN) else ""


def is_answer(path: str) -> bool:
    """Whether this is a file of an installer's answers."""
    return _plain(path).startswith(_ANSWERS)


def is_boot_file(path: str) -> bool:
    """Whether a boot loader reads this file, and no installer fetches it."""
    return bool(asked_by(path)) or _plain(path).startswith(_BOOT_FILES)


def _plain(path: str) -> str:
    return path.partition("?")[0].lstrip("/").replace("//", "/")
