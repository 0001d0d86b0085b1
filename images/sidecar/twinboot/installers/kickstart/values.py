"""Values of a kickstart template. Sources: pykickstart's command versions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .mirrors import mirror_lists
from .releases import Release

if TYPE_CHECKING:
    from ...planning.plan import Install, Machine, SitePlan


def kickstart_values(
    plan: SitePlan, install: Install, machine: Machine | None, root_password: str | None
) -> dict[str, Any]:
    """Everything that default.ks.j2 and templates of an operator's own may use."""
    site = plan.site
    profile = site.profiles[install.profile]
    release = Release(profile.version)
    return {
        "title": f"host {machine.name}" if machine else f"profile {install.profile}",
        "site": site,
        "os": release,
        "profile": profile,
        "host": machine.host if machine else None,
        "hostname": f"{machine.name}.{site.domain}" if machine else None,
        "tree_url": plan.tree_url(install),
        "mirror_lists": [(one.name, install.url(one.path)) for one in mirror_lists(plan, install)],
        "network": _network(plan, machine, release),
        "rootpw": root_password,
        "package_options": _package_options(release),
    }


def _network(plan: SitePlan, machine: Machine | None, release: Release) -> str:
    words = ["network"]
    if machine is not None and machine.host.static:
        words += ["--bootproto=static", f"--ip={machine.host.address}"]
        words.append(f"--netmask={machine.subnet.network.netmask}")
        if machine.subnet.router is not None:
            words.append(f"--gateway={machine.subnet.router}")
        servers = ",".join(str(group.address) for group in plan.site.groups.values())
        words.append(f"--nameserver={servers}")
    else:
        words.append("--bootproto=dhcp")
    if release.rhel != 5:  # its anaconda knows neither a device named by link or MAC nor --activate
        words += [f"--device={machine.host.mac if machine else 'link'}", "--activate"]
    if machine is not None:
        words.append(f"--hostname={machine.name}.{plan.site.domain}")
    return " ".join(words)


def _package_options(release: Release) -> str:
    """retries and timeout of yum and dnf: a pause while an address moves must not end an install."""
    if release.rhel is not None and release.rhel < 7:
        return ""
    return " --retries=10 --timeout=20"
