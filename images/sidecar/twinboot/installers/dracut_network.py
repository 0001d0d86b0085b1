"""Network arguments of installers whose initrd is made with dracut: of Anaconda since RHEL 7, and of Agama.

Owns the arguments, and when an operator's own take their place. nm-initrd-generator makes a connection of
every argument that asks for one, and one more of BOOTIF, which the boot loader adds, unless rd.bootif=0.
Sources: dracut.cmdline(7), nm-initrd-generator(8).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ..site.faults import MISSING, Fault

if TYPE_CHECKING:
    from ..planning.plan import Install, SitePlan
    from ..site.model.site import Profile, Wiring

RETRY_ARGUMENTS = ("rd.net.dhcp.retry=3", "systemd.setenv=RES_OPTIONS=timeout:1")
"""For installers made with dracut and systemd. The first: DHCP is tried again from the start when it failed
(dracut.cmdline(7), nm-initrd-generator(8)). The second: the resolver asks the next name server after one
second instead of five (resolv.conf(5), systemd.setenv in systemd(1))."""
CONNECTING = ("ip=", "bond=", "vlan=", "bridge=", "team=", "ksdevice=")
"""Kernel arguments that begin so configure the network: an operator's take the place of ours."""
_NAME_MAX = 15  # IFNAMSIZ less its zero


def is_own(arguments: Sequence[str], connecting: tuple[str, ...] = CONNECTING) -> bool:
    """Do a profile's own kernel arguments say how to get to the network?"""
    return any(one.startswith(connecting) for one in arguments)


def network_arguments(plan: SitePlan, install: Install) -> list[str]:
    """What the installer's kernel is told beside the profile's own arguments."""
    own, wiring = plan.site.profiles[install.profile].kernel_args, plan.wiring(install)
    if is_own(own):
        return [] if any(one.startswith("rd.bootif") for one in own) else ["rd.bootif=0"]
    if wiring is None:
        return ["ip=dhcp"]
    return [*_links(wiring), *_address(plan, install, wiring), "rd.bootif=0"]


def _links(wiring: Wiring) -> Iterator[str]:
    if wiring.members:
        yield f"bond={wiring.base}:{','.join(wiring.members)}:{wiring.bond_options}"
    if wiring.vlan is not None:
        yield f"vlan={wiring.tagged}:{wiring.base}"
    if wiring.bridge is not None:
        yield f"bridge={wiring.bridge}:{wiring.tagged}"


def _address(plan: SitePlan, install: Install, wiring: Wiring) -> Iterator[str]:
    machine = plan.machine_of(install)
    if machine is None or not machine.host.static:
        yield f"ip={wiring.top}:dhcp"
        return
    router = machine.subnet.router or ""
    mask = machine.subnet.network.netmask
    yield f"ip={machine.host.address}::{router}:{mask}:{machine.name}.{plan.site.domain}:{wiring.top}:none"
    yield from (f"nameserver={group.address}" for group in plan.site.groups.values())


def wiring_faults(
    path: str, wiring: Wiring, profile: Profile, connecting: tuple[str, ...] = CONNECTING
) -> Iterator[Fault]:
    """What no installer can do of these settings. path: of them. connecting: as for is_own()."""
    if wiring.interface is None and not wiring.members:
        yield Fault(f"{path}.interface", MISSING, "required: the card, or members of a bond")
    if is_own(profile.kernel_args, connecting):
        remedy = "the profile's kernel_args say how to get to the network already; write one of both"
        yield Fault(path, wiring.model_dump(exclude_defaults=True), remedy)
    names = [*wiring.members, wiring.base, *((wiring.tagged,) if wiring.vlan is not None else ())]
    names += [wiring.bridge] if wiring.bridge else []
    for at, name in enumerate(names):
        if name in names[:at]:
            yield Fault(path, name, "stands here twice; every interface has a name of its own")
        if len(name) > _NAME_MAX:
            yield Fault(path, name, f"longer than {_NAME_MAX} characters, which the kernel takes at most")
