"""What the agents must know of the hosts of a site, as `sidecar/machines.json` says it; and their BMCs, as
`sidecar/power.json` does. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..kinds import INSTALLERS
from ..machines.by_load.least_work import Group, Rules
from ..machines.facts import Facts, encode
from ..planning.tree_files import initrds_of, kernel_of
from ..power.logic import targets
from ..site.model.power import merged
from ..site.subnets import SubnetIndex

if TYPE_CHECKING:
    from ..planning.plan import SitePlan
    from ..site.model.site import Site


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


def power_file(plan: SitePlan) -> dict[str, str]:
    """The file with the BMC of each host; none when no host has one."""
    hosts = targets_of(plan.site)
    text = targets.encode(targets.Targets(hosts, plan.site.power.interval_s))
    return {"sidecar/power.json": text} if hosts else {}


def targets_of(site: Site) -> dict[str, targets.Target]:
    """The BMC of each host that has one."""
    index = SubnetIndex((subnet, subnet.network) for subnet in site.subnets)
    found = {}
    for name, host in site.hosts.items():
        if host.power is None:
            continue
        subnet = index.find(host.address)
        profile = host.profile or (subnet.profile if subnet else None)
        power = merged(host.power, site.profiles[profile].power if profile else None, site.power)
        found[name] = targets.Target(
            power.kind or "", power.address, power.user or "", power.password_file or "", power.verify or "",
            power.system or "", power.firmware or "",
        )  # fmt: skip
    return found
