"""Kernel arguments of Agama's live system.

Its initrd is dracut's, with livenet for root=live:. Agama adds every repository of inst.install_url, so a
spare address of the same one would have to be there, too: one is named. What the installed system's kernel
would be told as well (all but inst., rd.live. and the network's) is left out. Sources: agama-autoinstall,
agama-software (state.rs), kernel-cmdline-conf.sh, dracut.cmdline(7).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..dracut_network import network_arguments

if TYPE_CHECKING:
    from ...planning.plan import Install, SitePlan

OURS = ("root=", "inst.auto=", "inst.finish=")
"""Beginnings of arguments that stand here."""
IMAGE = "LiveOS/squashfs.img"
_OVERRIDABLE = "inst.install_url=", "inst.self_update="
"""An operator's own take the place of ours."""


def kernel_arguments(plan: SitePlan, install: Install) -> list[str]:
    """Ours, then the profile's own."""
    profile = plan.site.profiles[install.profile]
    own = profile.kernel_args
    repositories = [install.url(f"trees/{path}/") for path in plan.repositories(profile.tree)]
    given = [*(f"inst.install_url={url}" for url in repositories[:1]), "inst.self_update=0"]
    return [
        f"root=live:{plan.tree_url(install)}{IMAGE}",
        f"inst.auto={plan.answer_urls(install)[0]}",
        *(one for one in given if not any(_same(one, other) for other in own)),
        f"inst.finish={profile.finish}",
        *network_arguments(plan, install),
        *own,
    ]


def _same(one: str, other: str) -> bool:
    """Are both of one argument that an operator may give?"""
    return any(one.startswith(name) and other.startswith(name) for name in _OVERRIDABLE)
