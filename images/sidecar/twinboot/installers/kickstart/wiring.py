"""How a machine gets to the network: kernel arguments of the installer, and the kickstart's network lines.

Owns both, so that they say the same: what is made of the arguments (dracut_network), Anaconda makes once more
of every network line. Sources: Anaconda's boot options, pykickstart's network command.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ...site.faults import Fault
from .. import dracut_network
from ..dracut_network import is_own
from .releases import Release, release_of

if TYPE_CHECKING:
    from ...planning.plan import Install, Machine, SitePlan
    from ...site.model.site import Profile, Wiring


def network_arguments(plan: SitePlan, install: Install, release: Release) -> list[str]:
    """What the installer's kernel is told beside the profile's own arguments."""
    if release.uses_dracut:
        return dracut_network.network_arguments(plan, install)
    own, wiring = plan.site.profiles[install.profile].kernel_args, plan.wiring(install)
    named = wiring.top if wiring else "bootif"
    ours = {"ksdevice=": f"ksdevice={named}", "ip=": "ip=dhcp"}
    return [text for key, text in ours.items() if not any(one.startswith(key) for one in own)]


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
    release = release_of(profile)
    if not release.uses_dracut and (wiring.members or wiring.vlan is not None or wiring.bridge):
        remedy = f"{release.name} takes a card only, no bond, VLAN or bridge; RHEL7 and later do"
        yield Fault(path, wiring.model_dump(exclude_defaults=True), remedy)
    yield from dracut_network.wiring_faults(path, wiring, profile)


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
