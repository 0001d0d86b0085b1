"""Cross-checks between the valid items of a site: references, names, groups, timers.

Owns the list of all cross-checks; addresses are in `network`, hosts in `hosts`, the zone in `dns`, serial
links in `serial`.
A check reads only items that are valid by themselves; it compares names with all names, faulty items' too.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from ...kinds import INSTALLERS
from ..faults import MISSING, Fault, did_you_mean
from ..loading.draft import Draft
from ..model.site import BalancingMode, ManagedService, Profile, Unknown
from .arguments import argument_faults
from .dns import dns_faults
from .hosts import host_faults
from .network import network_faults
from .page import PORTS_TAKEN, port_faults, token_faults
from .power import power_faults
from .serial import serial_faults
from .webhooks import webhook_faults

SERVERS_MIN, SERVERS_MAX = 2, 16
GROUPS_MAX = 64
WEIGHTS_MAX = 128


def check(draft: Draft) -> list[Fault]:
    """Every fault between items that are valid by themselves."""
    checks = (
        _servers,
        _links,
        _groups,
        _balancing,
        _references,
        _profiles,
        host_faults,
        _heartbeat,
        port_faults,
        token_faults,
        network_faults,
        serial_faults,
        dns_faults,
        power_faults,
        webhook_faults,
    )
    return [fault for one in checks for fault in one(draft)]


def _unknown_name(draft: Draft, path: str, value: str | None, section: str) -> Iterator[Fault]:
    """A fault when the section has no item of this name."""
    names = draft.names[section]
    if value is not None and section not in draft.unread and value not in names:
        yield Fault(path, value, f"no such {section.removesuffix('s')}; {did_you_mean(value, names)}")


def _servers(draft: Draft) -> Iterator[Fault]:
    names = draft.names["servers"]
    if names and not SERVERS_MIN <= len(names) <= SERVERS_MAX:
        remedy = f"write {SERVERS_MIN} to {SERVERS_MAX} servers; one alone has no peer to take over"
        yield Fault("servers", len(names), remedy)
    seen: dict[str, str] = {}
    for name in names:
        if name.lower() in seen:
            remedy = f"names differ in case only, DNS takes them as one: servers.{seen[name.lower()]}"
            yield Fault(f"servers.{name}", name, remedy)
        seen.setdefault(name.lower(), name)


def _links(draft: Draft) -> Iterator[Fault]:
    all_known = draft.complete("servers") and all(server.links for server in draft.servers.values())
    for name, server in draft.servers.items():
        if not server.links:
            yield Fault(f"servers.{name}.links", {}, "write at least one link, or leave links out for `lan`")
        for link in server.links:
            peers = [peer for peer, other in draft.servers.items() if peer != name and link in other.links]
            if not peers and all_known and len(draft.servers) > 1:
                remedy = "no other server has a link of this name; a link needs both ends, name them alike"
                yield Fault(f"servers.{name}.links.{link}", link, remedy)
    for (name, server), (peer, other) in combinations(draft.servers.items(), 2):
        if server.links and other.links and not server.links.keys() & other.links.keys():
            remedy = f"has no link in common with {peer}; give both one of the same name, such as lan"
            yield Fault(f"servers.{name}.links", sorted(server.links), remedy)


def _groups(draft: Draft) -> Iterator[Fault]:
    if draft.names["groups"] and len(draft.names["groups"]) > GROUPS_MAX:
        yield Fault("groups", len(draft.names["groups"]), f"write at most {GROUPS_MAX} groups")
    if "groups" in draft.document and not draft.names["groups"] and draft.document["groups"] == {}:
        yield Fault(
            "groups", {}, "write at least one group: a virtual address and the servers that may hold it"
        )
    with_dhcpd = [name for name, group in draft.groups.items() if ManagedService.DHCPD in group.services]
    why = "one dhcpd group serves every subnet of the site"
    if not with_dhcpd and draft.complete("groups") and draft.groups:
        yield Fault("groups", sorted(draft.groups), f"none has dhcpd; give one `services: [dhcpd]` ({why})")
    for name in with_dhcpd[1:]:
        remedy = f"groups.{with_dhcpd[0]} has dhcpd already; remove it here ({why})"
        yield Fault(f"groups.{name}.services", "dhcpd", remedy)
    for name, group in draft.groups.items():
        for at, server in enumerate(group.order):
            path = f"groups.{name}.order[{at}]"
            yield from _unknown_name(draft, path, server, "servers")
            if server in group.order[:at]:
                yield Fault(path, server, "stands in this order already; name each server once")
        for at, service in enumerate(group.services):
            if service in group.services[:at]:
                yield Fault(f"groups.{name}.services[{at}]", str(service), "stands here already; remove one")


def _balancing(draft: Draft) -> Iterator[Fault]:
    total = sum(group.weight for group in draft.groups.values())
    if total > WEIGHTS_MAX:
        weights = {name: group.weight for name, group in draft.groups.items()}
        yield Fault(
            "groups", weights, f"weights of {total} together; write at most {WEIGHTS_MAX}, such as 2 and 1"
        )
    if draft.balancing is None:
        return
    if draft.balancing.mode is not BalancingMode.LOAD and draft.balancing.at_once is not None:
        yield Fault("balancing.at_once", draft.balancing.at_once, "counts in load mode alone; remove it")
    if draft.balancing.mode is BalancingMode.LOAD and draft.takeover and not draft.takeover.enabled:
        remedy = "in load mode the takeover process sees which machines wait; leave one service on"
        yield Fault("takeover", "off", remedy)
    if draft.balancing.mode is not BalancingMode.DNS:
        return
    why = "in dns mode the zone gives every group's address in turn; use balancing mode parity"
    for name, group in draft.groups.items():
        if group.weight != 1:
            yield Fault(f"groups.{name}.weight", group.weight, f"no weights: {why}, or remove it")
    for name, host in draft.hosts.items():
        if host.group is not None:
            yield Fault(f"hosts.{name}.group", host.group, f"no pinning: {why}, or remove it")


def _references(draft: Draft) -> Iterator[Fault]:
    for name, profile in draft.profiles.items():
        yield from _unknown_name(draft, f"profiles.{name}.tree", profile.tree, "trees")
    for at, subnet in draft.subnets.items():
        path = f"subnets[{at}].profile"
        yield from _unknown_name(draft, path, subnet.profile, "profiles")
        if subnet.range is not None and subnet.profile is None and subnet.unknown is Unknown.INSTALL:
            yield Fault(path, MISSING, "required with a range: what machines without a host entry install")
    for name, host in draft.hosts.items():
        yield from _unknown_name(draft, f"hosts.{name}.profile", host.profile, "profiles")
        yield from _unknown_name(draft, f"hosts.{name}.group", host.group, "groups")


def _profiles(draft: Draft) -> Iterator[Fault]:
    loaders = draft.loaders_in_use()
    for_unknown = {
        one.profile for one in draft.subnets.values() if one.range and one.unknown is Unknown.INSTALL
    }
    for name, profile in draft.profiles.items():
        path = f"profiles.{name}"
        kind = INSTALLERS.get(profile.installer)
        if profile.version is None and kind.releases:
            remedy = f"required: the release of its tree, one of {', '.join(kind.releases)}"
            yield Fault(f"{path}.version", MISSING, remedy)
        elif profile.version is not None and profile.version not in kind.releases:
            known = f"write one of {', '.join(kind.releases)}" if kind.releases else "remove it"
            yield Fault(f"{path}.version", profile.version, f"no release of {kind.name}; {known}")
        elif profile.mirror and not kind.takes_mirrors(profile.version):
            whose = " ".join(filter(None, (kind.name, profile.version)))
            yield Fault(f"{path}.mirror", True, f"{whose} takes one address only; remove it")
        elif profile.mirror and draft.balancing and draft.balancing.mode is BalancingMode.DNS:
            yield Fault(f"{path}.mirror", True, "the install name has all addresses in dns mode; remove it")
        if profile.method is not None and profile.method not in kind.methods:
            remedy = f"{kind.name} fetches by {' or '.join(kind.methods)} alone; remove it"
            yield Fault(f"{path}.method", str(profile.method), remedy)
        if profile.once is False and kind.reports:
            remedy = (
                f"{kind.name} asks before it erases, and is let begin once; remove it, and write retries, or "
                "ask by `twinboot install`"
            )
            yield Fault(f"{path}.once", False, remedy)
        yield from _accounts(path, profile)
        yield from _additions(path, profile)
        yield from kind.profile_faults(path, profile)
        yield from kind.machine_faults(path, profile, profile.disks, profile.network)
        yield from argument_faults(
            f"{path}.kernel_args", profile.kernel_args, loaders, reserved=kind.reserved_arguments
        )
        yield from kind.argument_faults(
            f"{path}.kernel_args", profile.kernel_args, known=name not in for_unknown
        )


def _accounts(path: str, profile: Profile) -> Iterator[Fault]:
    seen: set[str] = set()
    for at, user in enumerate(profile.users):
        if user.name in seen:
            yield Fault(f"{path}.users[{at}].name", user.name, "stands here already; write each account once")
        seen.add(user.name)


def _additions(path: str, profile: Profile) -> Iterator[Fault]:
    for name, value in profile.additions.items():
        kind = INSTALLERS.get(name)
        if name != profile.installer:
            remedy = f"is for the installer {name}, and this profile's is {profile.installer}; remove it"
            yield Fault(f"{path}.{name}", value, remedy)
        else:
            yield from kind.addition_faults(f"{path}.{name}", value)


def _heartbeat(draft: Draft) -> Iterator[Fault]:
    if draft.heartbeat is None:
        return
    beat, timers = draft.heartbeat, draft.heartbeat.timers
    path = "heartbeat.timers"
    if use := PORTS_TAKEN.get(beat.port):
        yield Fault("heartbeat.port", beat.port, f"the port of {use}; write another one such as 694")
    for at, key in enumerate(beat.keys):
        if key in beat.keys[:at]:
            yield Fault(f"heartbeat.keys[{at}]", key, "stands here already; remove one")
    if not timers.interval_s < timers.warntime_s:
        remedy = f"must be above interval_s ({timers.interval_s:g}); two to three times it is usual"
        yield Fault(f"{path}.warntime_s", timers.warntime_s, remedy)
    if not timers.interval_s < timers.suspicion_s:
        remedy = f"must be above interval_s ({timers.interval_s:g}); twice it is usual"
        yield Fault(f"{path}.suspect_s", timers.suspicion_s, remedy)
    if not timers.warntime_s < timers.deadtime_s:
        remedy = f"must be above warntime_s ({timers.warntime_s:g}); twice it is usual"
        yield Fault(f"{path}.deadtime_s", timers.deadtime_s, remedy)
    if not timers.deadtime_s <= timers.initdead_s:
        remedy = f"must not be below deadtime_s ({timers.deadtime_s:g}); a starting server is slow"
        yield Fault(f"{path}.initdead_s", timers.initdead_s, remedy)
    if not 2 * timers.deadtime_s <= timers.address_lifetime_s:
        remedy = (
            f"must be at least twice deadtime_s, {2 * timers.deadtime_s:g}, or a short pause drops addresses"
        )
        yield Fault(f"{path}.address_lifetime_s", timers.address_lifetime_s, remedy)
