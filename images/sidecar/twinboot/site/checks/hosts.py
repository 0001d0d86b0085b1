"""Machines of a site: each known by what no other has, and by a name that nothing else takes.

Owns every check of what hosts are known by and of their settings against each other; their addresses are in
`network`. A machine that is mistaken for another, or for an unknown one, loses its disks.
"""

from __future__ import annotations

from collections.abc import Iterator

from ...kinds import DHCP_ENGINES, INSTALLERS
from ..faults import MISSING, Fault
from ..loading.draft import Draft
from ..model.site import BalancingMode, Host
from ..subnets import SubnetIndex
from .arguments import argument_faults


def host_faults(draft: Draft) -> Iterator[Fault]:
    """Every fault of hosts but those of their addresses."""
    yield from _names(draft)
    yield from _identities(draft)
    yield from _settings(draft)
    yield from _answer_names(draft)


def _names(draft: Draft) -> Iterator[Fault]:
    taken = {name.lower(): f"servers.{name}" for name in draft.names["servers"]}
    if draft.balancing is not None:
        install = draft.balancing.name
        if install.lower() in taken:
            remedy = f"the install name is also {taken[install.lower()]}; write another name"
            yield Fault("balancing.name", install, remedy)
        taken.setdefault(install.lower(), "the install name (balancing.name)")
    reserved = {name.lower() for engine in DHCP_ENGINES.all() for name in engine.reserved_host_names}
    taken |= dict.fromkeys(reserved, "Twinboot itself, in the DHCP server's configuration")
    for name in draft.names["hosts"]:
        if name.lower() in taken:
            yield Fault(
                f"hosts.{name}", name, f"the name is taken by {taken[name.lower()]}; write another one"
            )
        taken.setdefault(name.lower(), f"hosts.{name}")


def _known_by(host: Host) -> Iterator[tuple[str, str, str]]:
    """Setting, kept form, and what it is."""
    for mac in host.mac:
        yield "mac", mac, "the MAC address"
    if host.uuid is not None:
        yield "uuid", host.uuid, "the UUID"
    for client_id in host.client_id:
        yield "client_id", client_id, "the client identifier"


def _identities(draft: Draft) -> Iterator[Fault]:
    first: dict[tuple[str, str], str] = {}
    for name, host in draft.hosts.items():
        for setting, value, what in _known_by(host):
            other = first.setdefault((setting, value), name)
            if other != name:
                remedy = f"is {what} of hosts.{other} already; every machine has its own"
                yield Fault(f"hosts.{name}.{setting}", value, remedy)


def _settings(draft: Draft) -> Iterator[Fault]:
    index = SubnetIndex((at, subnet.network) for at, subnet in draft.subnets.items())
    loaders = draft.loaders_in_use()
    for name, host in draft.hosts.items():
        at = index.find(host.address)
        if host.profile is None and at is not None and draft.subnets[at].profile is None:
            remedy = f"required: subnets[{at}] has no profile for its hosts"
            yield Fault(f"hosts.{name}.profile", MISSING, remedy)
        chosen = host.profile or (draft.subnets[at].profile if at is not None else None)
        profile = draft.profiles.get(chosen or "")
        if profile is None:
            continue
        kind = INSTALLERS.get(profile.installer)
        path = f"hosts.{name}.kernel_args"
        yield from argument_faults(
            path, host.kernel_args, loaders, reserved=kind.reserved_arguments, before=profile.kernel_args
        )
        yield from kind.argument_faults(path, host.kernel_args, known=True)
        if host.disks is not None or host.network is not None:
            yield from kind.machine_faults(f"hosts.{name}", profile, host.disks, host.network)


def _answer_names(draft: Draft) -> Iterator[Fault]:
    """Answer files of hosts and shared ones lie in one directory."""
    if draft.balancing is None:
        return
    shared = {name: f"profiles.{name}" for name in draft.names["profiles"]}
    if draft.balancing.mode is not BalancingMode.DNS:
        shared = {}
        for profile in draft.names["profiles"]:
            for group in draft.names["groups"]:
                name = f"{profile}-{group}"
                if name in shared:
                    remedy = f"makes the same answer file {name} as {shared[name]}; rename the profile"
                    yield Fault(f"profiles.{profile}", profile, remedy)
                shared.setdefault(name, f"profiles.{profile} with groups.{group}")
    for name in draft.names["hosts"]:
        if name in shared:
            remedy = f"the answer file {name} is also that of {shared[name]}; rename one of them"
            yield Fault(f"hosts.{name}", name, remedy)
