"""Kickstart file -> Plan: what the stand-in takes from it, read by pykickstart (Anaconda's own parser).

Owns the choice of syntax version and the refusal of what the stand-in cannot do. Executes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pykickstart.constants import KS_SCRIPT_POST, KS_SCRIPT_PRE, KS_SHUTDOWN
from pykickstart.errors import KickstartError
from pykickstart.parser import KickstartParser
from pykickstart.version import makeVersion

from standin.errors import InstallError

DEFAULT_VERSION = "RHEL9"  # when the file has no `#version=` line


@dataclass(frozen=True)
class Partition:
    """One `part` line; size in MiB, 0 = as small as may be."""

    mountpoint: str
    fstype: str
    size_mib: int
    grow: bool


@dataclass(frozen=True)
class Script:
    """One %pre or %post section."""

    kind: str
    text: str
    interpreter: str
    in_chroot: bool
    error_on_fail: bool
    log: str | None


@dataclass(frozen=True)
class Selection:
    """%packages: names, groups, and how patient dnf is to be (None = dnf's own default)."""

    packages: tuple[str, ...]
    excluded: tuple[str, ...]
    groups: tuple[str, ...]
    environment: str | None
    add_core: bool
    ignore_missing: bool
    retries: int | None
    timeout_s: int | None


@dataclass(frozen=True)
class Plan:
    """Everything the installer does, decided before it does anything."""

    version: str
    url: str | None
    mirrorlist: str | None
    hostname: str | None
    lang: str | None
    timezone: str | None
    disks: tuple[str, ...]
    partitions: tuple[Partition, ...]
    append: str
    selection: Selection
    scripts: tuple[Script, ...]
    end: str  # "reboot" or "poweroff"


def _version(text: str) -> str:
    """The file's own `#version=RHEL9` line, as system-config-kickstart and Anaconda write it."""
    for row in text.splitlines():
        if row.startswith("#version="):
            return row.removeprefix("#version=").strip()
    return DEFAULT_VERSION


def _handler(path: Path, version: str) -> Any:
    try:
        handler = makeVersion(version)
        KickstartParser(handler, missingIncludeIsFatal=False).readKickstart(str(path))
    except KickstartError as exc:
        raise InstallError(f"kickstart ({version}): {exc}") from exc
    return handler


def _partitions(handler: Any) -> tuple[Partition, ...]:
    if handler.autopart.autopart:
        return (Partition("/", "ext4", 0, True),)
    found = tuple(
        Partition(part.mountpoint, part.fstype or "ext4", int(part.size or 0), bool(part.grow))
        for part in handler.partition.partitions
        if part.mountpoint not in {"biosboot", "/boot/efi"}
    )
    if not any(part.mountpoint == "/" for part in found):
        raise InstallError("kickstart: neither autopart nor a part / line")
    return found


def _selection(packages: Any) -> Selection:
    return Selection(
        packages=tuple(packages.packageList),
        excluded=tuple(packages.excludedList),
        groups=tuple(group.name for group in packages.groupList),
        environment=packages.environment,
        add_core=not packages.nocore,
        ignore_missing=bool(packages.handleMissing),
        retries=packages.retries,
        timeout_s=packages.timeout,
    )


def _scripts(handler: Any) -> tuple[Script, ...]:
    kinds = {KS_SCRIPT_PRE: "pre", KS_SCRIPT_POST: "post"}
    return tuple(
        Script(
            kind=kinds[script.type],
            text=script.script,
            interpreter=script.interp,
            in_chroot=bool(script.inChroot) and script.type == KS_SCRIPT_POST,
            error_on_fail=bool(script.errorOnFail),
            log=script.logfile,
        )
        for script in handler.scripts
        if script.type in kinds
    )


def _hostname(handler: Any) -> str | None:
    names = [data.hostname for data in handler.network.network if data.hostname]
    return str(names[-1]) if names else None


def read_plan(path: Path) -> Plan:
    """Reads a kickstart file; raises InstallError with pykickstart's own words when it is wrong."""
    version = _version(path.read_text(encoding="utf-8", errors="replace"))
    handler = _handler(path, version)
    disks = [*handler.ignoredisk.onlyuse, *handler.clearpart.drives]
    return Plan(
        version=version,
        url=handler.url.url or None,
        mirrorlist=handler.url.mirrorlist or None,
        hostname=_hostname(handler),
        lang=handler.lang.lang or None,
        timezone=handler.timezone.timezone or None,
        disks=tuple(dict.fromkeys(disks)),
        partitions=_partitions(handler),
        append=handler.bootloader.appendLine or "",
        selection=_selection(handler.packages),
        scripts=_scripts(handler),
        end="poweroff" if handler.reboot.action == KS_SHUTDOWN else "reboot",
    )
