"""What every boot loader shows and starts: the message above the prompt, and the two entries install and
local.

Owns the values; how a loader writes them is the loader's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..kinds import INSTALLERS

if TYPE_CHECKING:
    from ..planning.plan import Install, SitePlan


@dataclass(frozen=True, slots=True)
class Menu:
    """Of one install. kernel, initrd: paths below the root of the install services; no server is named."""

    profile: str
    prompt: bool
    timeout_s: float
    kernel: str
    initrd: str
    arguments: tuple[str, ...]


def menu_of(plan: SitePlan, install: Install, *, room: int) -> Menu:
    """room: characters that the loader and the kernel have for the arguments."""
    profile = plan.site.profiles[install.profile]
    tree = plan.site.trees[profile.tree]
    arguments = INSTALLERS.get(profile.installer).kernel_arguments(plan, install, room=room)
    return Menu(
        install.profile, profile.prompt, profile.timeout_s,
        f"trees/{tree.path}/{tree.kernel}", f"trees/{tree.path}/{tree.initrd}", tuple(arguments),
    )  # fmt: skip


def message_text(plan: SitePlan, name: str) -> str:
    """The text above the boot prompt of a profile."""
    profile = plan.site.profiles[name]
    if profile.message is not None:
        return profile.message.rstrip("\n")
    lines = [f"Twinboot {plan.site.cluster}: this machine will be installed with {name}."]
    if profile.prompt:
        lines.append(f"It begins in {profile.timeout_s:g} s. Type local to start from the disk instead.")
    return "\n".join(lines)
