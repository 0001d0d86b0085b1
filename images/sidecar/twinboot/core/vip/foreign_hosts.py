"""Hosts that answer for an address of ours, and are no server: they do not hold a claim off for ever.

While something answers the ARP probes of a claim, the address is not taken: a server that is silent on every
link may hold it. A host that is none of the servers (a printer that was given the address by hand, somebody
who spoofs ARP) would keep clients from being served as long as it likes. So the servers that are not
accounted for are asked for by their own addresses meanwhile. After ROUNDS rounds of probes in which nobody
answered whose hardware address is a server's, the address is claimed and announced, the answers
notwithstanding, and defended as any that another host uses (conflict.py, RFC 5227 section 2.4 (c)); the alarm
names the host.

That is done for an address that a server held, as we heard ourselves, until it died, or that we held
until it vanished here; and only while every server that was heard works by our site file. Otherwise the host
that answers may be a server after all, which our site file does not name and no link reaches: at a start.

A hardware address is a server's when the server has told it in a heartbeat, now or before it fell silent,
or when it answers for a server's own address: so may the other card of a server, or one that was replaced.
"""

from __future__ import annotations

from dataclasses import replace

from ..effects import LogLevel, SendArpRequests
from ..events import ArpRequestAnswered
from ..membership.peer import Liveness
from ..model import GroupState
from ..ownership import candidates
from ..state import State, StepContext
from .group import REASON_VANISHED, ForeignHosts, Group

ROUNDS = 3


def is_overruled(group: Group, mac: str) -> bool:
    """Whether the answer of this host does not matter any more."""
    found = group.foreign_hosts
    return found is not None and found.overruled and mac in found.macs


def may_be_one(state: State, group: Group, mac: str) -> bool:
    """Whether the host may be no server, as far as is known."""
    found = group.foreign_hosts.servers if group.foreign_hosts is not None else frozenset[str]()
    return mac not in found and all(peer.mac.hex(":") != mac for peer in state.peers.values())


def noted(group: Group, mac: str) -> Group:
    """The group after an answer of such a host; the counting begins anew when it is another one."""
    old = group.foreign_hosts or ForeignHosts()
    rounds = old.rounds if mac in old.macs else 0
    return replace(group, foreign_hosts=replace(
        old, macs=old.macs | {mac}, rounds=rounds, answered=True, overruled=False))


def ask_for_servers(ctx: StepContext, group: Group) -> None:
    """Together with a probe: ask for the own addresses of the servers that may have the address."""
    if group.foreign_hosts is not None and not group.foreign_hosts.overruled:
        for server in candidates.unaccounted(ctx.state, group):
            ctx.emit(SendArpRequests(server))


def request_answered(ctx: StepContext, event: ArpRequestAnswered) -> None:
    """A host answered for a server's own address: its hardware address is that server's."""
    for group in tuple(ctx.state.groups.values()):
        found = group.foreign_hosts
        if found is None or group.state is not GroupState.CLAIMING or found.overruled:
            continue
        if any(event.address == str(own) for own in ctx.config.addresses.values()):
            servers = found.servers | {event.mac.hex(":")}
            if servers != found.servers:
                ctx.put_group(replace(group, foreign_hosts=replace(found, servers=servers)))


def round_over(ctx: StepContext, group: Group) -> Group:
    """The group after a round in which only such hosts answered."""
    assert group.foreign_hosts is not None
    found = replace(group.foreign_hosts, rounds=group.foreign_hosts.rounds + 1, answered=False)
    alone = all(may_be_one(ctx.state, replace(group, foreign_hosts=found), mac) for mac in found.macs)
    if not alone:
        return replace(group, foreign_hosts=replace(found, macs=frozenset(), rounds=0))
    if found.rounds < ROUNDS or not _is_ours(ctx.state, group):
        return replace(group, foreign_hosts=found)
    macs = ",".join(sorted(found.macs))
    ctx.log(
        LogLevel.WARNING, "claim-overrules", group=group.name, address=group.config.address, answered_by=macs,
    )
    reason = f"{group.reason}, and what answers for it is no server"
    return replace(group, foreign_hosts=replace(found, overruled=True), reason=reason)


def _is_ours(state: State, group: Group) -> bool:
    """Whether the address was with a server of ours up to now, and no other server can have taken it."""
    if any(peer.site_differs_since is not None or peer.unknown_server for peer in state.peers.values()):
        return False
    if group.reason == REASON_VANISHED:
        return True
    last = state.peers.get(group.last_holder)
    return (
        last is not None and last.liveness is Liveness.DEAD and bool(last.mac)
        and candidates.peer_group_state(last, group) is GroupState.HELD
    )
