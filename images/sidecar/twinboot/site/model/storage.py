"""What an installer may write to, and lines that are its own: disks, partitioning commands, packages.

Owns their forms only. Which commands a release knows is the installer kind's to say.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema

_DEVICE = re.compile(r"(/dev/)?[A-Za-z0-9][A-Za-z0-9._+:@!=-]*(/[A-Za-z0-9][A-Za-z0-9._+:@!=-]*){0,3}")
_DISKS_MAX = 64


class DiskChoice(StrEnum):
    """Words for disks whose names are not known beforehand. All but `all` mean disks of the machine itself:
    no SAN, no USB, nothing that can be taken out."""

    FIRST = "first"
    SMALLEST = "smallest"
    LARGEST = "largest"
    ALL = "all"


DISK_WORDS = frozenset(DiskChoice)


def _disk(value: object) -> str:
    if not isinstance(value, str) or not _DEVICE.fullmatch(value) or ".." in value:
        raise ValueError(
            f"not a disk; write one of {', '.join(DiskChoice)}, or a device such as "
            "/dev/disk/by-path/pci-0000:00:1f.2-ata-1"
        )
    return value if value in DISK_WORDS else value.removeprefix("/dev/")


def _disks(value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        value = (value,)
    if not 1 <= len(value) <= _DISKS_MAX:
        raise ValueError("write at least one disk: first is the default")
    found = tuple(_disk(one) for one in value)
    for at, disk in enumerate(found):
        if disk in found[:at]:
            raise ValueError(f"{disk} stands here twice; write each disk once")
    if DiskChoice.ALL in found and len(found) > 1:
        raise ValueError("all is every disk; write nothing beside it")
    return found


def _line(value: str) -> str:
    if not value.strip() or not value.isprintable() or value != value.strip():
        raise ValueError("must be one line of printable text, without blanks before and after it")
    return value


_TEXT = {"type": "string"}
Disks = Annotated[
    tuple[str, ...],
    BeforeValidator(_disks),
    WithJsonSchema({"anyOf": [_TEXT, {"type": "array", "items": _TEXT, "minItems": 1}]}),
]
"""One or a list; devices are kept without /dev/."""
InstallerLine = Annotated[str, AfterValidator(_line)]
