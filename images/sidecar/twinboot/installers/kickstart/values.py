"""Values of a kickstart template. Sources: pykickstart's command versions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..base import common_values
from ..new_system import needs_sudo, setup_script
from .disks import disk_commands
from .mirrors import mirror_lists
from .releases import Release, release_of
from .reports import finishing_section
from .wiring import network_lines

if TYPE_CHECKING:
    from ...planning.plan import Install, Machine, SitePlan
    from ..base import Passwords

DEFAULT_PACKAGES = ("@core",)


def kickstart_values(
    plan: SitePlan, install: Install, machine: Machine | None, passwords: Passwords
) -> dict[str, Any]:
    """Everything that default.ks.j2 and templates of an operator's own may use."""
    site = plan.site
    profile = site.profiles[install.profile]
    release = release_of(profile)
    packages = DEFAULT_PACKAGES if profile.packages is None else profile.packages
    if needs_sudo(profile) and "sudo" not in packages:
        packages = (*packages, "sudo")
    disks = disk_commands(plan.disks(install), profile.partitions, release)
    return {
        **common_values(plan, install, machine),
        "os": release,
        "profile": profile.model_copy(update={"packages": packages}),
        "mirror_lists": [(one.name, install.url(one.path)) for one in mirror_lists(plan, install)],
        "network": "\n".join(network_lines(plan, install, machine, release)),
        "disks": disks,
        "rootpw": passwords.root,
        "additions": profile.additions.get("kickstart", ()),
        "setup": setup_script(plan, profile, passwords),
        "package_options": _package_options(release),
        "finishing": finishing_section(release) if machine else "",
        "disk_section": pre_section(disks.script, release),
    }


def pre_section(script: str, release: Release) -> str:
    """A %pre section whose failure ends the install; empty without a script."""
    end = "%end\n" if release.ends_sections else ""
    return f"\n%pre --erroronfail\n{script}{end}" if script else ""


def _package_options(release: Release) -> str:
    """retries and timeout of yum and dnf: a pause while an address moves must not end an install."""
    if release.rhel is not None and release.rhel < 7:
        return ""
    return " --retries=10 --timeout=20"
