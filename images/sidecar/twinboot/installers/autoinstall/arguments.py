"""Kernel arguments of a live server medium: where its ISO and its answers are, and which card to ask over.

Sources: casper(7) (url=), initramfs-tools(7) (ip=, BOOTIF), cloud-init's NoCloud data source (ds=), Subiquity
(autoinstall).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .releases import release_of
from .trees import iso_path

if TYPE_CHECKING:
    from ...planning.plan import Install, SitePlan
    from ...site.model.site import Wiring

OURS = ("autoinstall", "cloud-config-url=", "ds=", "iso-url=", "url=")
"""Beginnings of arguments that stand here, and of those that would take their place."""
CONNECTING = "ip="
"""An operator's own takes the place of ours."""


def kernel_arguments(plan: SitePlan, install: Install) -> list[str]:
    """Ours, then the profile's own."""
    profile = plan.site.profiles[install.profile]
    seed = plan.answer_urls(install)[0].rpartition("/")[0]
    return [
        *([] if says_network(profile.kernel_args) else [_address(plan.wiring(install))]),
        f"url={install.url(iso_path(plan, install))}",
        "autoinstall",
        # the slash at the end is needed: cloud-init appends the files' names
        f"ds={release_of(profile).data_source};s={seed}/",
        # cloud-init takes url= for its own as well, and would read the ISO
        "cloud-config-url=/dev/null",
        # no checksum of a medium that has come whole by HTTP (casper-md5check)
        "fsck.mode=skip",
        *profile.kernel_args,
    ]


def says_network(arguments: tuple[str, ...]) -> bool:
    """Do a profile's own kernel arguments say how the initrd gets to the network?"""
    return any(one.startswith(CONNECTING) for one in arguments)


def _address(wiring: Wiring | None) -> str:
    """The card that has booted (BOOTIF, which the boot loader adds) unless one is named. Of a bond it is the
    card that has booted, too: initramfs-tools makes no bonds."""
    if wiring is None or wiring.members or wiring.interface is None:
        return "ip=dhcp"
    return f"ip=:::::{wiring.interface}:dhcp"
