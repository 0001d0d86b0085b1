"""How a machine gets to the network: kernel arguments of the installer, and the kickstart's network lines.

Owns both, so that they say the same: nm-initrd-generator makes a connection of every argument that asks
for one, and Anaconda one of every network line. BOOTIF, which the boot loader adds, is one more unless
rd.bootif=0. Sources: dracut.cmdline(7), nm-initrd-generator(8), Anaconda's boot options, pykickstart's
network command.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ...site.faults import MISSING, Fault
from .releases import Release, release_of

if TYPE_CHECKING:
    from ...planning.plan import Install, Machine, SitePlan
    from ...site.model.site import Profile, Wiring

CONNECTING = ("ip=", "bond=", "vlan=", "bridge=", "team=", "ksdevice=")
"""Kernel arguments that begin so configure the network: an operator's take the place of ours."""
_NAME_MAX = 15  # IFNAMSIZ less its zero


def is_own(arguments: Sequence[str]) -> bool:
    """Do a profile's own kernel arguments say how to get to the network?"""
    return any(one.startswith(CONNECTING) for one in arguments)


def network_arguments(plan: SitePlan, install: Install, release: Release) -> list[str]:
    """What the installer's kernel is told beside the profile's own arguments."""
    own, wiring = plan.site.profiles[install.profile].kernel_args, plan.wiring(install)
    if not release.uses_dracut:
        named = wiring.top if wiring else "bootif"
        ours = {"ksdevice=": f"ksdevice={named}", "ip=": "ip=dhcp"}
        return [text for key, text in ours.items() if not any(one.startswith(key) for one in own)]
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


def network_lines(plan: SitePlan, install: Install, machine: Machine | None, release: Release) -> list[str]:
    """The kickstart's network commands; none where the kernel's arguments are all that is to be said."""
    profile, wiring = plan.site.profiles[install.profile], plan.wiring(install)
    name = [f"--hostname={machine.name}.{plan.site.domain}"] if machine else []
    if release.uses_dracut and is_own(profile.kernel_args):
        return [" ".join(("network", *name))] if name else []
    words = ["network", *_protocol(plan, machine)]
    if wiring is None or not release.uses_dracut:
        if release.rhel != 5:  # its anaconda knows neither a device named by MAC nor --activate
            words += [f"--device={wiring.top if wiring else _card(machine)}", "--activate"]
        elif wiring is not None:
            words.append(f"--device={wiring.top}")
        return [" ".join((*words, *name))]
    if wiring.bridge is None:
        return [" ".join((*words, *_link(wiring), "--activate", *name))]
    above = [f"--device={wiring.bridge}", f"--bridgeslaves={wiring.tagged}", "--activate", *name]
    below = ["network", "--bootproto=dhcp", *_link(wiring), "--noipv4", "--noipv6", "--activate"]
    lines = [" ".join((*words, *above))]
    return [" ".join(below), *lines] if wiring.tagged != wiring.base or wiring.members else lines


def wiring_faults(path: str, wiring: Wiring, profile: Profile) -> Iterator[Fault]:
    """What the installer of the profile cannot do of these settings."""
    release, shown = release_of(profile), wiring.model_dump(exclude_defaults=True)
    if wiring.interface is None and not wiring.members:
        yield Fault(f"{path}.interface", MISSING, "required: the card, or members of a bond")
    if not release.uses_dracut and (wiring.members or wiring.vlan is not None or wiring.bridge):
        remedy = f"{release.name} takes a card only, no bond, VLAN or bridge; RHEL7 and later do"
        yield Fault(path, shown, remedy)
    if is_own(profile.kernel_args):
        remedy = "the profile's kernel_args say how to get to the network already; write one of both"
        yield Fault(path, shown, remedy)
    names = [*wiring.members, wiring.base, *((wiring.tagged,) if wiring.vlan is not None else ())]
    names += [wiring.bridge] if wiring.bridge else []
    for at, name in enumerate(names):
        if name in names[:at]:
            yield Fault(path, name, "stands here twice; every interface has a name of its own")
        if len(name) > _NAME_MAX:
            yield Fault(path, name, f"longer than {_NAME_MAX} characters, which the kernel takes at most")


def _link(wiring: Wiring) -> list[str]:
    words = [f"--device={wiring.base}"]
    if wiring.members:
        words += [f"--bondslaves={','.join(wiring.members)}", f"--bondopts={wiring.bond_options}"]
    if wiring.vlan is not None:
        words.append(f"--vlanid={wiring.vlan}")
    return words


def _card(machine: Machine | None) -> str:
    """The card that has booted, unless the machine has but one that is known."""
    if machine is None or machine.host.uuid or machine.host.client_id or len(machine.host.mac) > 1:
        return "bootif"
    return machine.host.ethernet[0] if machine.host.ethernet else "bootif"


def _protocol(plan: SitePlan, machine: Machine | None) -> list[str]:
    if machine is None or not machine.host.static:
        return ["--bootproto=dhcp"]
    words = ["--bootproto=static", f"--ip={machine.host.address}"]
    words.append(f"--netmask={machine.subnet.network.netmask}")
    if machine.subnet.router is not None:
        words.append(f"--gateway={machine.subnet.router}")
    servers = ",".join(str(group.address) for group in plan.site.groups.values())
    return [*words, f"--nameserver={servers}"]
