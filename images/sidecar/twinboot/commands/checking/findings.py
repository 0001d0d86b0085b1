"""What a check finds: one line each, with what to do about it; and what it was asked to look at."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum
from pathlib import Path


class Severity(Enum):
    """How much a finding matters."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "FAULT"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, what was found, and what to do about it."""

    severity: Severity
    subject: str
    found: str
    remedy: str = ""

    def __str__(self) -> str:
        tail = f": {self.remedy}" if self.remedy else ""
        return f"{self.severity.value:8}{self.subject}: {self.found}{tail}"


def ok(subject: str, found: str) -> Finding:
    return Finding(Severity.OK, subject, found)


def warning(subject: str, found: str, remedy: str) -> Finding:
    return Finding(Severity.WARNING, subject, found, remedy)


def fault(subject: str, found: str, remedy: str) -> Finding:
    return Finding(Severity.FAULT, subject, found, remedy)


@dataclass(frozen=True, slots=True)
class Request:
    """What to check. running: services of our own stack that run, whose ports are therefore in use."""

    site_file: Path
    config: Path
    trees: Path
    templates: tuple[Path, ...]
    server: str
    running: Collection[str]
    make_key: bool
    sockets: str = ""
    """What `ss -Hlntup` printed on the host, to name the processes that have our ports."""
    project: str = "/opt/twinboot"
    """Where the project stands on the servers."""
    without_trees: bool = False
    trees_come: bool = False
    """A tree that is not here, and that another server has, is no fault: it comes when the stack runs."""
    trees_on_host: str = ""
    """The trees folder as an operator knows it."""
