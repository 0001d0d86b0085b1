"""Lines of an operator's that go into a kickstart file as they are: scripts, packages, storage commands.

Owns what pykickstart would take for something else; all that it takes for what it is, is allowed. The
tests ask pykickstart itself (tests/render/test_kickstart_text.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ...site.faults import Fault
from .releases import Release

SECTIONS = frozenset({
    "%addon", "%anaconda", "%certificate", "%end", "%include", "%onerror", "%packages", "%post", "%pre",
    "%pre-install", "%traceback",
})  # fmt: skip
"""Whole words at the start of a line that start or end a section, or are replaced, in a script as well."""
APPENDED = "%ksappend"
"""Any line that begins so, however it goes on, is replaced before a section is looked for."""


@dataclass(frozen=True, slots=True)
class _Since:
    """A storage command, and the RHEL release that came to know it (all Fedoras of releases.NAMES do)."""

    rhel: int = 5


STORAGE = {
    "autopart": _Since(), "bootloader": _Since(), "btrfs": _Since(7), "clearpart": _Since(),
    "dmraid": _Since(), "fcoe": _Since(6), "ignoredisk": _Since(), "iscsi": _Since(), "iscsiname": _Since(),
    "logvol": _Since(), "mount": _Since(8), "multipath": _Since(), "nvdimm": _Since(7), "part": _Since(),
    "partition": _Since(), "raid": _Since(), "reqpart": _Since(7), "snapshot": _Since(7),
    "volgroup": _Since(), "zerombr": _Since(), "zfcp": _Since(), "zipl": _Since(8),
}  # fmt: skip


def script_faults(path: str, script: str) -> Iterator[Fault]:
    """Lines that would end the script or be replaced, inside a here-document as well: pykickstart reads no
    shell."""
    for line in script.splitlines():
        words = line.split()
        if words and (words[0] in SECTIONS or words[0].startswith(APPENDED)):
            remedy = (
                f"the line {line.strip()!r} would end or start a kickstart section, in a here-document too; "
                "write it otherwise"
            )
            yield Fault(path, script, remedy)


def package_faults(path: str, packages: tuple[str, ...]) -> Iterator[Fault]:
    """Lines that are no package, group, environment, module stream or file name."""
    for at, line in enumerate(packages):
        name = line.removeprefix("-").removeprefix("@").removeprefix("^").strip()
        both = line.startswith("@") and {"--nodefaults", "--optional"} <= set(line.split())
        remedy = ""
        if line.startswith("%") or "#" in line:
            remedy = "no package: % begins a section, # a comment"
        elif not name or name.startswith("--"):
            remedy = "no name in it"
        elif both:
            remedy = "--nodefaults and --optional exclude each other; write one"
        if remedy:
            example = "write a name such as vim, @core, @php:8.2/minimal, /usr/bin/strace or -unwanted"
            yield Fault(f"{path}[{at}]", line, f"{remedy}; {example}")


def storage_faults(path: str, lines: tuple[str, ...], release: Release) -> Iterator[Fault]:
    """Lines that begin with no storage command of the release."""
    for at, line in enumerate(lines):
        command = line.split()[0]
        since = STORAGE.get(command)
        if since is None:
            remedy = "not a storage command; write a line such as part / --size=4096; it may begin with "
            yield Fault(f"{path}[{at}]", line, remedy + ", ".join(STORAGE))
        elif release.rhel is not None and release.rhel < since.rhel:
            remedy = f"{release.name} does not know {command}; RHEL{since.rhel} and later do"
            yield Fault(f"{path}[{at}]", line, remedy)
