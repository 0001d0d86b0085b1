"""What the servers must know of the machines of a site: the rendered file `sidecar/machines.json`.

Owns its form; render/machine_facts.py fills it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from ipaddress import IPv4Address
from typing import Any

from .by_load.least_work import Group, Rules


@dataclass(frozen=True, slots=True)
class Facts:
    """Facts of one host. addresses: those that its reports come from. once: it is installed once. reports:
    its installer asks before it erases, and says how it goes; where not, a machine that is installed once
    counts as started when it has fetched its kernel. retries: installs that may begin again after one that
    did not come to its end. kernels: paths of kernel and initrds. limits: seconds by step, where not the
    default. uuid: that of its SMBIOS; empty: the site file does not say."""

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


_ALIKE = {"profile", "group", "kernels", "limits"}
"""What thousands of hosts have alike: kept once."""


def encode(hosts: Mapping[str, Facts], rules: Rules | None = None) -> str:
    """The text of the file: a line for each host. rules: with balancing mode load."""
    rows = (f" {json.dumps(name)}: {json.dumps(_plain(one))}" for name, one in hosts.items())
    load = f', "load": {json.dumps(_plain_rules(rules))}' if rules is not None else ""
    return '{"hosts": {\n' + ",\n".join(rows) + "\n}" + load + "}\n"


def _plain(facts: Facts) -> dict[str, object]:
    """dataclasses.asdict() copies every value, which takes longer than all else for thousands of hosts."""
    return {name: getattr(facts, name) for name in Facts.__dataclass_fields__}


def _plain_rules(rules: Rules) -> dict[str, object]:
    groups = {name: asdict(one) for name, one in rules.groups.items()}
    return {"groups": groups, "at_once": rules.at_once, "pinned": sorted(rules.pinned)}


def decode(text: str) -> dict[str, Facts]:
    """ValueError for what encode() has not made."""
    return decode_all(text)[0]


def decode_all(text: str) -> tuple[dict[str, Facts], Rules | None]:
    """The hosts, and by which rules they are shared; None: not by load. ValueError as above."""
    try:
        read = json.loads(text)
        shared: dict[object, Any] = {}
        hosts = {name: _facts(one, shared) for name, one in read["hosts"].items()}
        load = read.get("load")
        return hosts, None if load is None else _rules(load)
    except (TypeError, KeyError, AttributeError) as exc:
        raise ValueError(f"no facts of machines: {exc}") from None


def _rules(read: Mapping[str, Any]) -> Rules:
    groups = {name: Group(int(one["weight"]), str(one["home"])) for name, one in read["groups"].items()}
    return Rules(groups, int(read["at_once"]), frozenset(map(str, read["pinned"])))


def _facts(read: Mapping[str, object], shared: dict[object, Any]) -> Facts:
    """shared: values of hosts before, for what thousands of hosts have alike."""
    known = {key: value for key, value in read.items() if key in Facts.__dataclass_fields__}
    lists: dict[str, Any] = {key: tuple(value) for key, value in known.items() if isinstance(value, list)}
    for key in _ALIKE & known.keys():
        value = lists.get(key, known[key])
        mark = tuple(value.items()) if isinstance(value, dict) else value
        known[key] = lists[key] = shared.setdefault((key, mark), value)
    made = Facts(**{**known, **lists})
    for address in made.addresses:
        IPv4Address(address)
    return made
