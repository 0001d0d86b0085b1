"""Kernel arguments of linuxrc, the first program of YaST's initrd.

linuxrc asks by DHCP on the card that BOOTIF names, which the boot loader adds, until it has found the tree,
unless ifcfg says otherwise (url.c). It tries each address once and then waits for somebody at the screen;
several are taken by defaultrepo, in order, when there is no install (auto2.c). Source: linuxrc's own.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from .network import CONNECTING, device, ifcfg

if TYPE_CHECKING:
    from ...planning.plan import Install, SitePlan

OURS = ("install=", "repo=", "defaultrepo=", "defaultinstall=", "instsys=", "autoyast=", "autoyast2=", "ay=")
"""Beginnings of arguments that stand here, by all their names."""


def kernel_arguments(plan: SitePlan, install: Install, *, room: int) -> list[str]:
    """Ours, then the profile's own. Spare addresses give way where they do not fit in `room` characters."""
    own = plan.site.profiles[install.profile].kernel_args
    arguments = [*_ours(plan, install), *own]
    if len(" ".join(arguments)) > room:
        arguments = [*_ours(plan, replace(install, mirrors=())), *own]
    return arguments


def _ours(plan: SitePlan, install: Install) -> list[str]:
    trees, machine = plan.tree_urls(install), plan.machine_of(install)
    own = plan.site.profiles[install.profile].kernel_args
    connected = any(one.lower().startswith(CONNECTING) for one in own)
    if not connected:
        trees = [f"{one}{device(plan, install)}" for one in trees]
    return [
        f"install={trees[0]}" if len(trees) == 1 else f"defaultrepo={','.join(trees)}",
        f"autoyast={plan.answer_urls(install)[0]}",
        *([] if connected else ifcfg(plan, install)),
        *([f"hostname={machine.name}.{plan.site.domain}"] if machine else []),
    ]
