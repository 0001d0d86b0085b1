"""A managed service (dhcpd) that another host of the LAN serves: what the LAN says, where no heartbeat tells.

Two servers with different site files may run dhcpd with two addresses, and hear no heartbeat of each other:
ARP tells nothing of that, but a DHCP server answers whoever asks (DHCPINFORM, RFC 2131 section 4.4.3). So the
LAN is asked with the probes of a claim, while the service waits for its start here, and now and then while it
runs and some server is not accounted for. A server of ours that answers with another address than this
group's holds the start off; of two that run it the one with the lower server identifier goes on. Both read
that from the frames alone. What serves with the group's own address is an ARP conflict (conflict.py), or ends
by its guard. A server that is heard is believed (candidates.py). Foreign DHCP servers are an alarm only.
"""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

from ..effects import AskForService, LogLevel
from ..events import ServiceHeard
from ..membership import sites
from ..membership.peer import Peer
from ..model import GroupState
from ..ownership import candidates
from ..state import State, StepContext
from . import group as groups
from .group import Group, ServedElsewhere

ASK_TO_START_S = 0.5
ASK_WHILE_RUNNING_S = 5.0
FRESH_S = 1.6
"""An answer holds the start off for so long: three questions may be lost, not four."""
SHOWN_S = 10.0
"""The alarm ends so long after the last answer."""


def heard(ctx: StepContext, event: ServiceHeard) -> None:
    """Another host serves it: record that when it is a server of ours, and yield when that is the rule."""
    state = ctx.state
    peer = next((one for one in state.peers.values() if one.mac and one.mac == event.mac), None)
    for group in tuple(state.groups.values()):
        if event.service not in group.config.services or event.mac == state.lan.mac:
            continue
        if event.address == group.config.address or not _is_ours(state, event.address, peer):
            continue
        old = group.served_elsewhere
        since = old.since if old is not None and ctx.now < old.seen_at + SHOWN_S else ctx.now
        group = replace(
            group, served_elsewhere=ServedElsewhere(event.address, event.mac.hex(":"), since, ctx.now)
        )
        ctx.put_group(group)
        if group.may_serve and not (peer is not None and peer.alive) and _comes_first(event.address, group):
            _yield(ctx, group)


def with_probe(ctx: StepContext, group: Group) -> None:
    """Together with an ARP probe."""
    for service in group.config.services:
        ctx.emit(AskForService(service))


def tick(ctx: StepContext, group: Group) -> None:
    """HELD: ask when it is due."""
    if not group.config.services or group.state is not GroupState.HELD:
        return
    pause_s = _pause_s(ctx.state, group)
    due = group.asked_for_service_at + pause_s if pause_s is not None else None
    if due is not None and ctx.now >= due:
        with_probe(ctx, group)
        ctx.put_group(replace(group, asked_for_service_at=ctx.now))


def deadline(state: State, group: Group) -> float | None:
    if not group.config.services or group.state is not GroupState.HELD:
        return None
    pause_s = _pause_s(state, group)
    return group.asked_for_service_at + pause_s if pause_s is not None else None


def holds_off(group: Group, now: float) -> bool:
    """Whether the service must not start here now."""
    found = group.served_elsewhere
    return found is not None and now < found.seen_at + FRESH_S


def shown(group: Group, now: float) -> ServedElsewhere | None:
    """What the alarm shows; None: there is none."""
    found = group.served_elsewhere
    if found is None or now >= found.seen_at + SHOWN_S or group.state is not GroupState.HELD:
        return None
    return found


def _pause_s(state: State, group: Group) -> float | None:
    if not group.may_serve:
        return ASK_TO_START_S
    if candidates.unaccounted(state, group) or not sites.all_alike(state):
        return ASK_WHILE_RUNNING_S
    return None


def _is_ours(state: State, address: str, peer: Peer | None) -> bool:
    if peer is not None or any(group.config.address == address for group in state.groups.values()):
        return True
    return any(str(own) == address for own in state.config.addresses.values())


def _comes_first(address: str, group: Group) -> bool:
    return IPv4Address(address) < IPv4Address(group.config.address)


def _yield(ctx: StepContext, group: Group) -> None:
    assert group.served_elsewhere is not None
    ctx.log(
        LogLevel.WARNING, "service-yielded", group=group.name, to=group.served_elsewhere.mac,
        address=group.served_elsewhere.address,
    )
    ctx.put_group(replace(group, may_serve=False, serve_at=ctx.now + groups.SERVE_WAIT_S))
