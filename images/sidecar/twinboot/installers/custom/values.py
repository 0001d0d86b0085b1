"""Values of a template."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..base import common_values
from ..disk_choice import choosing_script
from ..known import guard_script
from ..new_system import setup_script
from ..reporting import laid_down, report_script
from .placeholders import OF_MACHINES, values

if TYPE_CHECKING:
    from ...planning.plan import Install, Machine, SitePlan
    from ..base import Passwords

_ROOT = '"${TWINBOOT_ROOT:-/mnt}"'


def template_values(
    plan: SitePlan, install: Install, machine: Machine | None, passwords: Passwords
) -> dict[str, Any]:
    """Everything that a template may use. Scripts are for sh: disk_script leaves names of disks in $chosen,
    guard fails on a known machine, setup makes accounts in the new system, report_script lays down the script
    of reporting.py."""
    site = plan.site
    profile = site.profiles[install.profile]
    known = values(plan, install)
    return {
        **dict.fromkeys(OF_MACHINES), **known,
        **common_values(plan, install, machine),
        "subnet": machine.subnet if machine else None,
        "tree_url": known["tree"],
        "answers_url": known["answers"],
        "disks": plan.disks(install),
        "disk_script": choosing_script(plan.disks(install)),
        "wiring": plan.wiring(install),
        "guard": "" if machine else guard_script(plan),
        "setup": setup_script(plan, profile, passwords),
        "report_script": laid_down(report_script(plan, install, machine, root=_ROOT)) if machine else "",
        "rootpw": passwords.root,
    }  # fmt: skip
