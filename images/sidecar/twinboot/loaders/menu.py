"""What every boot loader shows and starts: the message above the prompt, the two entries install and local,
the serial console.

Owns the values; how a loader writes them is the loader's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..kinds import INSTALLERS
from ..planning.tree_files import initrds_of, kernel_of
from ..site.faults import Fault
from .decision import room_for

if TYPE_CHECKING:
    from ..planning.plan import Install, SitePlan
    from ..site.model.site import Console

QUEUE_S = 10
"""How often a machine that waits for its turn to be installed looks whether it has come."""
TURN = "This one waits for its turn."
"""What stands in the files of such a machine; adapters/steer_links.py, which knows it too, adds its place."""
WAIT_S = 30
"""How long a machine that waits for its entry in the site file does so before it looks again."""
TRIES, PAUSE_S = 10, 3
"""How often a loader that can do so asks again for what did not come, and its pause, seconds: a server that
died is replaced in less. Then it starts the machine anew."""


@dataclass(frozen=True, slots=True)
class Menu:
    """The menu of one install. kernel, initrds: paths below the root of the install services; no server is
    named.

    message: lines above the prompt. console: also for the loader itself.
    """

    profile: str
    prompt: bool
    timeout_s: float
    kernel: str
    initrds: tuple[str, ...]
    arguments: tuple[str, ...]
    console: Console | None
    message: tuple[str, ...]

    @property
    def wait_s(self) -> int:
        """How long the prompt waits, for loaders that know whole seconds alone; 0: there is no prompt."""
        return max(1, round(self.timeout_s)) if self.prompt else 0


def menu_of(plan: SitePlan, install: Install, *, room: int) -> Menu:
    """room: characters that the loader and the kernel have for the arguments."""
    return plan.once((menu_of, install, room), lambda: _menu(plan, install, room))


def _menu(plan: SitePlan, install: Install, room: int) -> Menu:
    profile = plan.site.profiles[install.profile]
    kernel, initrds, message = plan.once((_menu, install.profile), lambda: _of_profile(plan, install.profile))
    own = _own_arguments(plan, install)
    left = room - sum(len(one) + 1 for one in own)
    arguments = INSTALLERS.get(profile.installer).kernel_arguments(plan, install, room=left)
    return Menu(
        install.profile, profile.prompt, profile.timeout_s, kernel, initrds, (*arguments, *own),
        plan.console(install), message,
    )  # fmt: skip


def _of_profile(plan: SitePlan, name: str) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """Kernel, initrds, and the lines of the message."""
    tree = plan.site.profiles[name].tree
    top = f"trees/{plan.site.trees[tree].path}"
    initrds = tuple(f"{top}/{one}" for one in initrds_of(plan.site, tree))
    return f"{top}/{kernel_of(plan.site, tree)}", initrds, tuple(message_text(plan, name).splitlines())


def command_line_faults(plan: SitePlan) -> Iterator[Fault]:
    """Kernel arguments for which a boot loader or the kernel has no room, after the installer's own."""
    for install, machine in plan.answer_files():
        if machine is not None and machine.install != install:
            continue  # of a mirror: the same arguments
        room = room_for(plan, install.profile)
        length = len(" ".join(menu_of(plan, install, room=room).arguments))
        if length > room:
            path = f"hosts.{machine.name}" if machine else f"profiles.{install.profile}"
            remedy = (
                f"makes a command line of {length} characters; boot loader and kernel take {room}: write "
                "less of them"
            )
            yield Fault(f"{path}.kernel_args", length, remedy)


def _own_arguments(plan: SitePlan, install: Install) -> tuple[str, ...]:
    """The host's, and the consoles."""
    host, kind = plan.host_of(install), plan.installer(install)
    own = tuple(kind.argument(plan, install, one) for one in host.kernel_args) if host else ()
    return (*own, *plan.console_arguments(install))


def message_text(plan: SitePlan, name: str) -> str:
    """The text above the boot prompt of a profile."""
    profile = plan.site.profiles[name]
    if profile.message is not None:
        return profile.message.rstrip("\n")
    lines = [f"Twinboot {plan.site.cluster}: this machine will be installed with {name}."]
    if profile.prompt:
        lines.append(f"It begins in {profile.timeout_s:g} s. Type local to start from the disk instead.")
    return "\n".join(lines)


def disk_text(plan: SitePlan) -> str:
    """What a machine of the site file shows that is not to be installed."""
    return f"Twinboot {plan.site.cluster}: this machine is not to be installed; it starts from its disk."


def queue_text(plan: SitePlan) -> str:
    """What a machine shows that is to be installed when others have ended (balancing mode load)."""
    return f"Twinboot {plan.site.cluster}: as many machines are installed as may be at once. {TURN}"


def waiting_text(plan: SitePlan) -> str:
    """What a machine shows that waits for its entry in the site file."""
    return f"Twinboot {plan.site.cluster}: this machine has no entry in the site file. It waits for one."
