"""The script that debian-installer runs when it has its answers: what no question asks for.

Owns its values; its text is a template. It stops known machines, chooses the disk, and leaves hooks in the
installer's own folders, so preseed/early_command, partman/early_command and preseed/late_command stay an
operator's. Sources: preseed.sh (preseed/run), partman-base (init.d, parted_devices), base-installer
(base-installer.d), finish-install (finish-install.d), netcfg (40netcfg).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..disk_choice import NONE_FOUND, choosing_script
from ..here_document import unused_word
from ..known import guard_script
from ..new_system import setup_script
from ..reporting import COUNT_DEB, laid_down, report_script
from .releases import release_of
from .trees import is_unsigned

if TYPE_CHECKING:
    from ...planning.plan import Install, Machine, SitePlan
    from ..base import Passwords

SCRIPT = "twinboot.sh"
_ROOT = "/target"


def script_values(
    plan: SitePlan, install: Install, machine: Machine | None, passwords: Passwords
) -> dict[str, Any]:
    """Everything that twinboot.sh.j2 uses."""
    site = plan.site
    profile = site.profiles[install.profile]
    tree = site.trees[profile.tree].path
    setup, post = setup_script(plan, profile, passwords), profile.post
    return {
        "guard": guard_script(plan) if machine is None else "",
        "report": _report(plan, install, machine),
        "disks": choosing_script(plan.disks(install)),
        "none_found": NONE_FOUND,
        "static": _static(plan, machine),
        "unsigned": is_unsigned(plan.repositories(profile.tree), tree, release_of(profile)),
        "directory": f"/trees/{tree}",
        "scripts": [
            (name, text.rstrip("\n"), unused_word(text))
            for name, text in (("setup", setup), ("post", post)) if text.strip()
        ],
    }


def _report(plan: SitePlan, install: Install, machine: Machine | None) -> str:
    """Lays down the script that asks and reports; empty for machines that are not known."""
    if machine is None:
        return ""
    counted = COUNT_DEB.format(root=_ROOT)
    return laid_down(report_script(plan, install, machine, root=_ROOT, count=counted))


def _static(plan: SitePlan, machine: Machine | None) -> dict[str, Any] | None:
    """What a machine that keeps its address is told of the network; None: DHCP."""
    if machine is None or not machine.host.static:
        return None
    return {
        "address": f"{machine.host.address}/{machine.subnet.network.prefixlen}",
        "router": machine.subnet.router,
        "servers": [str(group.address) for group in plan.site.groups.values()],
        "domain": plan.site.domain,
    }
