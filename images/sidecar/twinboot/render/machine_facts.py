"""What the agents must know of the hosts of a site, as `sidecar/machines.json` says it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..kinds import INSTALLERS
from ..machines.by_load.least_work import Group, Rules
from ..machines.facts import Facts, encode
from ..planning.tree_files import initrds_of, kernel_of

if TYPE_CHECKING:
    from ..planning.plan import SitePlan


def kernels_of(plan: SitePlan, name: str) -> tuple[str, ...]:
    """Paths of kernel and initrds of a profile, below the root of the install services."""
    tree = plan.site.profiles[name].tree
    inside = (kernel_of(plan.site, tree), *initrds_of(plan.site, tree))
    return tuple(f"trees/{plan.site.trees[tree].path}/{one}" for one in inside)


def limits_of(plan: SitePlan, name: str) -> dict[str, float]:
    """Seconds by step, where profile or site say them."""
    said = (plan.site.limits, plan.site.profiles[name].limits)
    found = {key: value for one in said for key, value in one.model_dump(exclude_none=True).items()}
    return {key.removesuffix("_s"): value for key, value in found.items()}


def _of_profile(plan: SitePlan, name: str) -> dict[str, Any]:
    """Facts of all machines with a profile."""
    profile = plan.site.profiles[name]
    kind = INSTALLERS.get(profile.installer)
    return plan.once((_of_profile, name), lambda: {
        "once": kind.once(profile), "reports": kind.reports, "retries": profile.retries,
        "kernels": kernels_of(plan, name), "limits": limits_of(plan, name),
    })  # fmt: skip


def machine_facts(plan: SitePlan) -> str:
    """The text of the file."""
    hosts = {
        machine.name: Facts(
            machine.install.profile, machine.group, machine.addresses,
            machine.host.mac, uuid=machine.host.uuid or "", **_of_profile(plan, machine.install.profile),
        )
        for machine in plan.machines
    }  # fmt: skip
    return encode(hosts, _rules(plan) if plan.by_load else None)


def _rules(plan: SitePlan) -> Rules:
    groups = {name: Group(group.weight, group.order[0]) for name, group in plan.site.groups.items()}
    pinned = frozenset(name for name, host in plan.site.hosts.items() if host.group is not None)
    return Rules(groups, plan.site.balancing.at_once or 0, pinned)
