"""Subnets and how their machines' requests come to dhcpd: on a server's own network, or through relay agents.

Owns the checks of relays and of networks that several subnets share.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..faults import MISSING, Fault
from ..loading.draft import Draft
from ..subnets import SubnetIndex


def shared_network_faults(draft: Draft, index: SubnetIndex[int]) -> Iterator[Fault]:
    """Every fault of relays and shared networks."""
    shared: dict[str, list[int]] = {}
    for at, subnet in draft.subnets.items():
        if subnet.shared_network is not None:
            shared.setdefault(subnet.shared_network, []).append(at)
    yield from _shared_networks(draft, shared)
    yield from _reachable(draft, index, shared)
    yield from _relays(draft, index)


def _shared_networks(draft: Draft, shared: dict[str, list[int]]) -> Iterator[Fault]:
    for name, members in shared.items():
        if len(members) == 1 and draft.complete("subnets"):
            others = ", ".join(one for one in shared if one != name)
            known = f"; the others are {others}" if others else ""
            remedy = f"no other subnet is on this network; give those that share it the same name{known}"
            yield Fault(f"subnets[{members[0]}].shared_network", name, remedy)
        served = [at for at in members if draft.subnets[at].range is not None]
        for at in served[1:]:
            wanted, own = draft.subnets[served[0]].profile, draft.subnets[at].profile
            if own != wanted:
                remedy = (
                    f"subnets[{served[0]}] on the same network has {wanted!r}; an unknown machine may get an "
                    "address of any range there, so write the same profile"
                )
                yield Fault(f"subnets[{at}].profile", own, remedy)


def _reachable(draft: Draft, index: SubnetIndex[int], shared: dict[str, list[int]]) -> Iterator[Fault]:
    if not draft.servers or not draft.complete("servers"):
        return
    local = {index.find(server.address) for server in draft.servers.values()}
    overlapping = {at for pair in index.overlaps for at in pair}
    for at, subnet in draft.subnets.items():
        beside = shared.get(subnet.shared_network, [at]) if subnet.shared_network is not None else [at]
        if at not in overlapping and not any(one in local or draft.subnets[one].relays for one in beside):
            remedy = (
                "required: no server stands in this subnet; name the relay agents that pass its requests on"
            )
            yield Fault(f"subnets[{at}].relays", MISSING, remedy)


def _relays(draft: Draft, index: SubnetIndex[int]) -> Iterator[Fault]:
    servers = {server.address: f"servers.{name}" for name, server in draft.servers.items()}
    servers |= {group.address: f"groups.{name}" for name, group in draft.groups.items()}
    for at, subnet in draft.subnets.items():
        for number, relay in enumerate(subnet.relays):
            path, home = f"subnets[{at}].relays[{number}]", index.find(relay)
            other = None if home is None or home == at else draft.subnets[home]
            if relay.is_loopback or relay.is_multicast or relay.is_unspecified:
                remedy = "no address that answers can be sent to; write the relay agent's (its giaddr)"
                yield Fault(path, str(relay), remedy)
            elif relay in servers:
                yield Fault(path, str(relay), f"is the address of {servers[relay]}; write the relay agent's")
            elif other is not None and (subnet.shared_network is None
                                        or other.shared_network != subnet.shared_network):
                remedy = (
                    f"outside of {subnet.network}, in subnets[{home}], whose machines would be meant; write "
                    "the relay agent's address in this subnet, or one that is in none (a loopback)"
                )
                yield Fault(path, str(relay), remedy)
            elif home is not None and (span := draft.subnets[home].range) is not None and relay in span:
                remedy = f"lies inside the dynamic range of subnets[{home}]; write one outside of it"
                yield Fault(path, str(relay), remedy)
            elif relay in subnet.relays[:number]:
                yield Fault(path, str(relay), "stands here already; remove one")
