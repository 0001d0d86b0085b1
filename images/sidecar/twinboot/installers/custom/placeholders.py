"""Names in braces within kernel arguments that stand for values of the machine.

Owns their syntax and which there are: {address}; {{ and }} stand for braces.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from ...site.faults import Fault, did_you_mean

if TYPE_CHECKING:
    from ...planning.plan import Install, SitePlan

OF_MACHINES = ("address", "mac", "host", "report")
"""Known of hosts of the site file alone."""
KNOWN = (*OF_MACHINES, "url", "server", "tree", "answers", "domain")
_TOKEN = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


def values(plan: SitePlan, install: Install) -> Mapping[str, str]:
    """By name; of unknown machines without OF_MACHINES. No URL ends in a slash."""
    found = {
        "url": f"{install.method}://{install.authority}",
        "server": install.authority,
        "tree": plan.tree_url(install).rstrip("/"),
        "answers": plan.answer_urls(install)[0],
        "domain": plan.site.domain,
    }
    machine = plan.machine_of(install)
    if machine is not None:
        host = machine.host
        found |= {
            "address": str(host.address), "mac": (*host.ethernet, *host.mac)[0], "host": machine.name,
            "report": f"http://{install.authority}/report/{machine.name}",
        }  # fmt: skip
    return found


def filled(argument: str, known: Mapping[str, str]) -> str:
    """An argument of a checked site with the values put in; what is not known stays as it is."""
    return _TOKEN.sub(lambda found: _value(found, known), argument)


def _value(found: re.Match[str], known: Mapping[str, str]) -> str:
    if found[0] in ("{{", "}}"):
        return found[0][0]
    return known.get(found[1] or "", found[0])


def faults(path: str, arguments: Sequence[str], *, known: bool) -> Iterator[Fault]:
    """known: are all machines that get them in the site file?"""
    for at, argument in enumerate(arguments):
        for found in _TOKEN.finditer(argument):
            name, where = found[1], f"{path}[{at}]"
            if found[0] in ("{", "}"):
                yield Fault(where, argument, f"a brace alone; write {found[0] * 2} for one {found[0]}")
            elif name is not None and name not in KNOWN:
                remedy = f"no placeholder {{{name}}}; {did_you_mean(name, KNOWN)}; {{{{ stands for one brace"
                yield Fault(where, argument, remedy)
            elif name in OF_MACHINES and not known:
                remedy = (
                    f"{{{name}}} is not known of machines without an entry in the site file, which a subnet "
                    "gives this profile; BOOTIF=, which the boot loader adds, has the card's address"
                )
                yield Fault(where, argument, remedy)
