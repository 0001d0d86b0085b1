"""What the servers must know of the machines of a site: the rendered file `sidecar/machines.json`.

Owns its form; render/machine_facts.py fills it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address


@dataclass(frozen=True, slots=True)
class Facts:
    """Of one host. addresses: those that its reports come from. once: it is installed once. reports: its
    installer asks before it erases, and says how it goes; where not, a machine that is installed once counts
    as started when it has fetched its kernel. retries: installs that may begin again after one that did not
    come to its end. kernels: paths of kernel and initrds. limits: seconds by step, where not the default.
    uuid: of its SMBIOS; empty: the site file does not say."""

    profile: str
    group: str = ""
    addresses: tuple[str, ...] = ()
    macs: tuple[str, ...] = ()
    once: bool = True
    retries: int = 0
    kernels: tuple[str, ...] = ()
    reports: bool = True
    limits: Mapping[str, float] = field(default_factory=dict)
    uuid: str = ""


def encode(hosts: Mapping[str, Facts]) -> str:
    """The text of the file: a line for each host."""
    rows = (f" {json.dumps(name)}: {json.dumps(_plain(one))}" for name, one in hosts.items())
    return '{"hosts": {\n' + ",\n".join(rows) + "\n}}\n"


def _plain(facts: Facts) -> dict[str, object]:
    """dataclasses.asdict() copies every value, which takes longer than all else for thousands of hosts."""
    return {name: getattr(facts, name) for name in Facts.__dataclass_fields__}


def decode(text: str) -> dict[str, Facts]:
    """ValueError for what encode() has not made."""
    try:
        return {name: _facts(one) for name, one in json.loads(text)["hosts"].items()}
    except (TypeError, KeyError, AttributeError) as exc:
        raise ValueError(f"no facts of machines: {exc}") from None


def _facts(read: Mapping[str, object]) -> Facts:
    known = {key: value for key, value in read.items() if key in Facts.__dataclass_fields__}
    lists = {key: tuple(value) for key, value in known.items() if isinstance(value, list)}
    made = Facts(**{**known, **lists})  # type: ignore[arg-type]
    for address in made.addresses:
        IPv4Address(address)
    return made
