"""ARP probes before an address is claimed: duplicate address detection (RFC 5227), against a split brain.

A server that is silent on every heartbeat link may still serve its clients, and so may one that our site file
does not name. So a claim starts with ARP probes; while anything answers, the address is not claimed. Hosts
that are no servers cannot hold a claim off for ever (foreign_hosts.py). No probe is sent only when a peer has
just reported that it gave the address up, and every server of the group's order that it does not have it.

Three probes 20 ms apart, 80 ms in all. RFC 5227 section 2.1.1 waits 0 to 1 s, probes three times 1 to 2 s
apart and listens for 2 s more: meant for a host that joins an unknown network with bridges still
learning. Here clients wait, the LAN is up and in use, the hosts probed are kernels that answer within a
millisecond, and failure detection has already taken a deadtime, or asked the LAN (membership/suspicion.py).
When the LAN has lost heartbeats of such a server, probes may be lost as well: four times as many are sent.
So they are after a split: what has answered a moment ago is there, more likely, and only slow. A round
never ends before its last probe had its time, however late this process or the kernel sent it.
"""

from __future__ import annotations

from dataclasses import replace

from ..effects import LogLevel, SendArpProbe
from ..membership import peer as peers
from ..model import GroupState
from ..ownership import candidates
from ..state import StepContext
from . import foreign_hosts, served_elsewhere, transitions
from . import group as groups
from .group import Group, transition

ARP_PROBES = 3
ARP_PROBE_GAP_S = 0.02
ARP_ANSWER_S = 0.04
"""Time from the last probe of a round to its end."""

ARP_LISTEN_S = (ARP_PROBES - 1) * ARP_PROBE_GAP_S + ARP_ANSWER_S
"""A whole round; and how long answers are waited for after a claim."""

LOSSY_PROBES = 4 * ARP_PROBES
ROUND_PAUSE_S = 0.3
"""Pause between two rounds while something answers."""

HEARD_FOR_S = max(ARP_LISTEN_S, ROUND_PAUSE_S)
"""The longest time after a probe in which an answer still counts: at least so long somebody must listen."""

ROUND_LATE_S = 0.1
"""A round that is evaluated later than this is repeated: we were paused, and others may have acted."""


def tick(ctx: StepContext, group: Group) -> None:
    """Advance the probing of one group: begin a round, send due probes, claim at its end."""
    if group.post_claim_listen_until is not None and ctx.now >= group.post_claim_listen_until:
        ctx.put_group(replace(group, post_claim_listen_until=None))
    if group.state is not GroupState.CLAIMING:
        return
    if group.arp_probing and group.arp_listen_until is None and not group.answered_by and (
        candidates.known_to_be_free(ctx.state, group)
    ):
        _claim_without_probe(ctx, group)
        return
    now = ctx.now
    due = group.arp_probe_at is None or now >= group.arp_probe_at
    late = group.arp_listen_until is not None and now > group.arp_listen_until + ROUND_LATE_S
    if group.arp_probing and (late or (group.arp_listen_until is None and due)):
        until = now + _round_s(ctx, group)
        group = replace(group, arp_probe_at=now, arp_probes_sent=0, arp_listen_until=until)
    if group.arp_probe_at is not None and now >= group.arp_probe_at:
        group = _send_probe(ctx, group)
    ctx.put_group(group)
    if group.arp_probing and group.arp_listen_until is not None and now >= group.arp_listen_until:
        if group.foreign_hosts is not None and group.foreign_hosts.answered:
            _after_foreign_hosts(ctx, group)
        else:
            _claim_after_silence(ctx, group)


def _after_foreign_hosts(ctx: StepContext, group: Group) -> None:
    """Only hosts that are no servers answered in this round: claim all the same after some rounds."""
    group = foreign_hosts.round_over(ctx, group)
    if group.foreign_hosts is not None and group.foreign_hosts.overruled:
        if _address_may_have_just_expired(ctx, group.last_holder):
            group = replace(group, await_guard=True)
        _claim(ctx, _clear_probe_fault(ctx, group))
    else:
        ctx.put_group(replace(group, arp_listen_until=None, arp_probe_at=ctx.now + ROUND_PAUSE_S))


def _send_probe(ctx: StepContext, group: Group) -> Group:
    ctx.emit(SendArpProbe(group.name))
    foreign_hosts.ask_for_servers(ctx, group)
    served_elsewhere.with_probe(ctx, group)
    sent = group.arp_probes_sent + 1
    missing = _probes(ctx, group) - sent
    more = missing > 0 or not group.arp_probing
    until = group.arp_listen_until
    if until is not None:
        until = max(until, ctx.now + max(0, missing) * ARP_PROBE_GAP_S + ARP_ANSWER_S)
    return replace(group, arp_probes_sent=sent, arp_listen_until=until,
                   arp_probe_at=ctx.now + ARP_PROBE_GAP_S if more else None)


def _probes(ctx: StepContext, group: Group) -> int:
    """Probes of a round."""
    split = bool(group.answered_by) and group.foreign_hosts is None
    lossy = split or any(
        peers.lost_much(ctx.state.peers[name], ctx.config.lan_links)
        for name in candidates.unaccounted(ctx.state, group)
    )
    return LOSSY_PROBES if lossy else ARP_PROBES


def _round_s(ctx: StepContext, group: Group) -> float:
    return ARP_LISTEN_S + (_probes(ctx, group) - ARP_PROBES) * ARP_PROBE_GAP_S


def _claim_without_probe(ctx: StepContext, group: Group) -> None:
    transitions.request_address(
        ctx, replace(group, arp_probing=False, arp_probe_at=None, arp_listen_until=None)
    )


def _claim_after_silence(ctx: StepContext, group: Group) -> None:
    """Nothing answered for a whole round: claim the address.

    Probes go on until it is up, so that another server which probes at the same time sees them (section
    2.1.1: a probe of another host for the same address is a conflict).
    """
    if group.answered_by:
        group = _end_split(ctx, group, "nothing answers any more")
        group = replace(group, reason=f"{group.reason}, and silent on the LAN now", await_guard=True)
    elif _address_may_have_just_expired(ctx, group.last_holder):
        group = replace(group, await_guard=True)
    _claim(ctx, _clear_probe_fault(ctx, group))


def _claim(ctx: StepContext, group: Group) -> None:
    transitions.request_address(ctx, replace(
        group, arp_probing=False, arp_listen_until=None, arp_probe_at=ctx.now + ARP_PROBE_GAP_S,
    ))


def _address_may_have_just_expired(ctx: StepContext, server: str) -> bool:
    """Whether that server's kernel may have removed the address only now, as nobody renewed it.

    Then the machine may still run, and its services until their guard finds the address gone. This does
    not apply to a machine without power: it does not answer on the LAN long before its address would expire.
    """
    peer = ctx.state.peers.get(server)
    if peer is None or peer.heard_at is None:
        return False
    timers = peer.timers or ctx.config.timers
    silent_s = ctx.now - peer.heard_at
    lifetime_s = timers.address_lifetime_s
    return lifetime_s * 2 / 3 <= silent_s <= lifetime_s + groups.KERNEL_MARGIN_S + groups.GUARD_S


def probe_after_claim(ctx: StepContext, before: Group) -> None:
    """The address is up: probe once more, as another host may have taken it while the kernel added ours."""
    group = ctx.state.groups[before.name]
    if group.state is GroupState.HELD and before.watches_arp:
        ctx.emit(SendArpProbe(group.name))
        ctx.put_group(replace(group, post_claim_listen_until=ctx.now + ARP_LISTEN_S))


def answered(ctx: StepContext, group: Group, mac: str, *, simultaneous_probe: bool) -> None:
    """Another host has the address: do not claim it, log a split, probe again after ROUND_PAUSE_S.

    A simultaneous probe of a host that has precedence is no split: only wait for its outcome.
    """
    if not group.watches_arp or (simultaneous_probe and group.state is GroupState.HELD):
        return
    if not simultaneous_probe and foreign_hosts.is_overruled(group, mac):
        return
    if not group.answered_by and not simultaneous_probe:
        silent = ",".join(candidates.unaccounted(ctx.state, group))
        ctx.log(
            LogLevel.WARNING, "split", group=group.name, address=group.config.address,
            answered_by=mac, silent=silent,
        )
    group = _clear_probe_fault(ctx, group)
    no_server = not simultaneous_probe and foreign_hosts.may_be_one(ctx.state, group, mac)
    if not simultaneous_probe:
        group = replace(group, answered_by=mac)
        group = foreign_hosts.noted(group, mac) if no_server else replace(group, foreign_hosts=None)
    if not group.arp_probing:
        transitions.drop(
            ctx, group, f"another host {'asks for' if simultaneous_probe else 'has'} the address"
        )
    elif group.arp_listen_until is not None and no_server:
        ctx.put_group(replace(group, may_serve=False))  # the round goes on: a server may answer, too
    elif group.arp_listen_until is not None:
        ctx.put_group(
            replace(group, arp_listen_until=None, arp_probe_at=ctx.now + ROUND_PAUSE_S, may_serve=False)
        )
    else:
        ctx.put_group(group)


def probe_failed(ctx: StepContext, group: Group, reason: str) -> None:
    """A probe could not be sent, so no client could be served either: back off and leave the group to others.

    The back-off does not grow, unlike after a failed claim, so that a cable that is plugged in again is
    used at once.
    """
    if group.state is not GroupState.CLAIMING or not group.arp_probing:
        return
    if not group.arp_probe_fault:
        ctx.log(LogLevel.ERROR, "group-claim-failed", group=group.name, reason=reason,
                 retry_s=groups.CLAIM_BACKOFF_S)
    if group.answered_by:
        group = _end_split(ctx, group, "the LAN cannot be asked")
    idle = transition(group, GroupState.IDLE, now=ctx.now, reason="the LAN cannot be asked")
    again = ctx.now + groups.CLAIM_BACKOFF_S
    ctx.put_group(replace(idle, arp_probe_fault=reason, claim_backoff_until=again, last_resort_at=again))
    transitions.stop_services(ctx, ctx.state.groups[group.name])


def clear_alarms(ctx: StepContext, group: Group) -> None:
    """The group is not ours to claim now: end the split, and the probe fault if a peer has the address."""
    group = _end_split(ctx, group, "it is not for us to take now")
    if candidates.peers_with_address(ctx.state, group):
        _clear_probe_fault(ctx, group)


def _end_split(ctx: StepContext, group: Group, reason: str) -> Group:
    """The group without its split; its end is logged."""
    if not group.answered_by:
        return group
    ctx.log(LogLevel.INFO, "split-over", group=group.name, reason=reason)
    group = replace(group, answered_by="")
    ctx.put_group(group)
    return group


def _clear_probe_fault(ctx: StepContext, group: Group) -> Group:
    """The group without its probe fault; that a claim is possible again is logged."""
    if not group.arp_probe_fault:
        return group
    ctx.log(LogLevel.INFO, "group-claim-possible", group=group.name)
    group = replace(group, arp_probe_fault="")
    ctx.put_group(group)
    return group
