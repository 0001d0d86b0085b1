"""Values of a preseed template. Sources: the templates of debian-installer's packages (udebs)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..base import common_values, erased
from ..new_system import needs_sudo
from .releases import release_of
from .trees import components, is_unsigned

if TYPE_CHECKING:
    from ...planning.plan import Install, Machine, SitePlan
    from ...site.model.site import Profile
    from ..base import Passwords

LOCKED = "*"
"""No password opens the account (shadow(5)). `!` would be one to ask for (user-setup-ask)."""
DEFAULT_PACKAGES = ("openssh-server",)
_CLOCKS = frozenset({"chrony", "ntpsec", "systemd-timesyncd", "ntp", "openntpd"})


def preseed_values(
    plan: SitePlan, install: Install, machine: Machine | None, passwords: Passwords
) -> dict[str, Any]:
    """Everything that default.cfg.j2 and templates of an operator's own may use."""
    site = plan.site
    profile = site.profiles[install.profile]
    release, tree = release_of(profile), site.trees[profile.tree].path
    found = plan.repositories(profile.tree)
    has = components(found, tree, release)
    return {
        **common_values(plan, install, machine),
        "note": erased(plan.disks(install)),
        "os": release,
        "method": str(install.method),
        "mirror": install.authority,
        "directory": f"/trees/{tree}",
        "components": {one: one in has for one in release.components},
        # the same packages once more: apt takes a file from the next source that has it
        "spares": [
            f"{install.method}://{mirror}/trees/{tree} {release.codename} {' '.join(('main', *has))}"
            for mirror in install.mirrors
        ],
        "unsigned": is_unsigned(found, tree, release),
        "tasks": [one[1:] for one in profile.packages or () if one.startswith("@")],
        "packages": _packages(profile),
        "consoles": plan.console_arguments(install),
        "rootpw": passwords.root or LOCKED,
        "additions": profile.additions.get("preseed", ()),
    }


def _packages(profile: Profile) -> list[str]:
    named = DEFAULT_PACKAGES if profile.packages is None else profile.packages
    found = [one for one in named if not one.startswith("@")]
    if needs_sudo(profile):
        found.append("sudo")
    if profile.ntp and not _CLOCKS & set(found):
        found.append("systemd-timesyncd")
    return list(dict.fromkeys(found))
