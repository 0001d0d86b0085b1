"""What the agents must know of the hosts of a site, as `sidecar/machines.json` says it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..machines.facts import Facts, encode
from ..planning.tree_files import initrds_of, kernel_of

if TYPE_CHECKING:
    from ..planning.plan import Machine, SitePlan


def kernels_of(plan: SitePlan, machine: Machine) -> tuple[str, ...]:
    """Paths of kernel and initrds, below the root of the install services."""
    profile = machine.install.profile
    return plan.once((kernels_of, profile), lambda: _of_profile(plan, profile))


def _of_profile(plan: SitePlan, profile: str) -> tuple[str, ...]:
    tree = plan.site.profiles[profile].tree
    inside = (kernel_of(plan.site, tree), *initrds_of(plan.site, tree))
    return tuple(f"trees/{plan.site.trees[tree].path}/{one}" for one in inside)


def machine_facts(plan: SitePlan) -> str:
    """The text of the file."""
    return encode({
        machine.name: Facts(
            machine.install.profile, machine.group, tuple(map(str, machine.host.all_addresses)),
            machine.host.mac, plan.installer(machine.install).reports,
            plan.site.profiles[machine.install.profile].retries, kernels_of(plan, machine),
            machine.host.uuid or "",
        )
        for machine in plan.machines
    })  # fmt: skip
