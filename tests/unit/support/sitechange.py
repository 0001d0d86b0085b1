"""Changes to a good site, for tests of faults. Owns the good site and the ways to spoil it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from twinboot.site import Fault, SiteError, parse

EXAMPLES = Path(__file__).parents[3] / "config" / "examples"
GOOD: dict[str, Any] = yaml.safe_load((EXAMPLES / "parity.yaml").read_text())
Change = Callable[[dict[str, Any]], object]


def put(path: str, value: object) -> Change:
    """A change that sets the value at a dotted path; numbers are list indexes."""

    def change(site: dict[str, Any]) -> None:
        *parents, last = path.split(".")
        at: Any = site
        for part in parents:
            at = at[int(part)] if isinstance(at, list) else at.setdefault(part, {})
        if isinstance(at, list):
            at[int(last)] = value
        else:
            at[last] = value

    return change


def drop(path: str) -> Change:
    """A change that removes the key at a dotted path."""

    def change(site: dict[str, Any]) -> None:
        *parents, last = path.split(".")
        at: Any = site
        for part in parents:
            at = at[int(part)] if isinstance(at, list) else at[part]
        del at[last]

    return change


def both(*changes: Change) -> Change:
    def change(site: dict[str, Any]) -> None:
        for one in changes:
            one(site)

    return change


def add(path: str, value: object) -> Change:
    """A change that appends to the list at a dotted path."""

    def change(site: dict[str, Any]) -> None:
        at: Any = site
        for part in path.split("."):
            at = at[int(part)] if isinstance(at, list) else at[part]
        at.append(value)

    return change


def faults_of(*changes: Change) -> tuple[Fault, ...]:
    site = copy.deepcopy(GOOD)
    for change in changes:
        change(site)
    with pytest.raises(SiteError) as caught:
        parse(site)
    return caught.value.faults


MAC = "52:54:00:00:01:30"
HOST = {"mac": MAC, "address": "192.168.0.130", "profile": "rh9"}
SERVER3 = {"address": "192.168.0.250", "interface": "eth0", "links": {"lan": {"kind": "udp"}}}
FAR = {"network": "192.168.7.0/24", "router": "192.168.7.1", "profile": "rh9"}


def record(**values: object) -> Change:
    return put("dns.records", [values])
