"""What the core finds worth an operator's attention, here or on a peer, as conditions of registered kinds."""

from __future__ import annotations

from collections.abc import Iterator

from twinboot.alarms import Condition, kinds

from ..health import holddown, readiness
from ..health.managed import ManagedService
from ..membership import reach, sites
from ..membership.peer import LinkState, Liveness, Peer
from ..model import GroupState, Health, Lack, LackKind, LanHealth, ServiceState
from ..ownership import candidates
from ..state import Phase, State
from ..vip import served_elsewhere
from ..vip.group import Group
from .readiness import lacks_by_service

_LAN = {
    LanHealth.NO_CARRIER: (kinds.LAN_NO_CARRIER, "has no carrier"),
    LanHealth.RX_DEAD: (kinds.LAN_RX_DEAD, "is rx-dead or tx-dead: no host on it answers ARP"),
}
_LINK = {LinkState.LATE: kinds.LINK_LATE, LinkState.DOWN: kinds.LINK_DOWN}
_HAS_AN_ALARM = frozenset({LackKind.ENGINE, LackKind.LEASES})
"""On the server itself: engine-silent, leases-not-kept."""
_SERVICE = {Health.FAILING: kinds.SERVICE_FAILING, Health.BROKEN: kinds.SERVICE_BROKEN}


def alarm_conditions(state: State) -> tuple[Condition, ...]:
    """All that holds now; empty when all is well."""
    found: list[Condition] = []
    for peer in state.peers.values():
        found += _of_peer(state, peer)
    found += _of_unheard(state)
    told = tuple(one for one in state.lacks or () if one.kind not in _HAS_AN_ALARM)
    found += _of_lacks(state.config.me, told)
    found += _of_own_health(state)
    found += _of_hold_downs(state)
    for group in state.groups.values():
        found += _of_group(state, group)
    found += [
        _not_running(state, one)
        for one in state.services.values() if one.wanted and one.retry_at is not None
    ]
    return tuple(found)


def _of_peer(state: State, peer: Peer) -> Iterator[Condition]:
    if peer.unknown_server:
        if peer.alive:
            yield kinds.SERVER_UNKNOWN.on(peer.name, f"server {peer.name} is not in this server's site file")
        return
    if peer.site_differs_since is not None:
        yield kinds.SITE_DIFFERS.on(peer.name, _differs_text(state, peer))
    if not peer.alive:
        if state.phase is Phase.STARTING and peer.liveness is Liveness.UNKNOWN:
            return
        if peer.left:
            yield kinds.SERVER_LEFT.on(peer.name, f"server {peer.name} left")
        else:
            text = f"server {peer.name} is not heard{_by_others(state, peer)}"
            yield kinds.SERVER_SILENT.on(peer.name, text)
        return
    for name, link in peer.links.items():
        if link.state in _LINK:
            text = f"link {name} to {peer.name} is {link.state.value}"
            yield _LINK[link.state].on(f"{peer.name}/{name}", text)
    said = peer.last_heartbeat
    if said is None:
        return
    if reach.is_silent(state, peer.name):
        text = f"{peer.name} does not answer this server's ARP requests, though it is heard"
        yield kinds.LAN_UNANSWERED.on(peer.name, text)
    elif said.lan in _LAN:
        kind, what = _LAN[said.lan]
        yield kind.on(peer.name, f"the LAN of {peer.name} {what}")
    yield from _of_lacks(peer.name, said.lacks)
    told = readiness.not_startable(said.lacks)
    for name, health in said.daemons.items():
        if health in _SERVICE and name not in told:
            text = f"service {name} of {peer.name} is {health.value}"
            yield _SERVICE[health].on(f"{peer.name}/{name}", text)


def _by_others(state: State, peer: Peer) -> str:
    """Who says that it hears the peer: then this server's own links are at fault."""
    hears = [
        other.name for other in state.peers.values()
        if other.alive and other.last_heartbeat is not None
        and (heard := other.last_heartbeat.heard.get(peer.name)) is not None and heard.links
    ]
    return f" here, but by {' and '.join(hears)}" if hears else ""


def _of_unheard(state: State) -> Iterator[Condition]:
    """Peers that are heard and do not hear us: we are dead to them."""
    alive = [peer for peer in state.peers.values() if peer.alive and not peer.unknown_server]
    due = state.config.timers.deadtime_s
    deaf = [
        peer.name for peer in alive
        if state.now >= peer.alive_since + due and candidates.does_not_hear_us(state, peer)
    ]
    me, names = state.config.me, " and ".join(deaf)
    if deaf and len(deaf) == len(alive):
        yield kinds.UNHEARD.on(me, f"no other server hears {me}: it hears {names}, for which it is dead")
        return
    for name in deaf:
        yield kinds.UNHEARD.on(name, f"server {name} does not hear {me}, which hears it")


def _of_lacks(server: str, lacks: tuple[Lack, ...] | None) -> Iterator[Condition]:
    """What the server could not take over. What concerns the whole server has alarms of its own there."""
    for service, those in lacks_by_service(lacks or ()).items():
        if service:
            what = "; ".join(readiness.describe(one) for one in those)
            text = f"{server} could not take over {what}; {readiness.remedy(server, those)}"
            yield kinds.NOT_READY.on(f"{server}/{service}", text)


def _differs_text(state: State, peer: Peer) -> str:
    parts = ", ".join(sites.differing_parts(state, peer))
    silent = "" if peer.alive else ", as far as it was heard"
    return f"server {peer.name} has another site file{silent}; what differs: {parts or 'not told'}"


def _of_own_health(state: State) -> Iterator[Condition]:
    me = state.config.me
    if state.lan.unanswered_by:
        who = ", ".join(state.lan.unanswered_by)
        text = f"clients cannot reach this server: {who} answers it, but gets no answer to ARP from here"
        yield kinds.LAN_UNANSWERED.on(me, text)
    elif state.lan.health in _LAN:
        kind, what = _LAN[state.lan.health]
        yield kind.on(me, f"the LAN {what}")
    if state.lan.isolated:
        yield kinds.ISOLATED.on(me, "isolated: no carrier, and no peer is heard; nothing is held here")
    for one in state.daemons.values():
        if one.health in _SERVICE:
            text = f"service {one.name} is {one.health.value}: {one.fault}"
            yield _SERVICE[one.health].on(f"{me}/{one.name}", text)


def _of_hold_downs(state: State) -> Iterator[Condition]:
    delay_s, now = state.config.timers.failback_delay_s, state.now
    for name, one in state.holddowns.items():
        if holddown.is_alarm(one, now, delay_s):
            yield kinds.HOLD_DOWN.on(
                name,
                f"hold-down: {name} lost its health {holddown.recent_losses(one, now)} times "
                f"in {holddown.WINDOW_S / 60:g} min, groups go back to it after "
                f"{holddown.required_healthy_s(one, now, delay_s):g} s without a loss",
            )


def _of_group(state: State, group: Group) -> Iterator[Condition]:
    name = group.name
    if group.rivals:
        yield kinds.GROUP_HAS_RIVALS.on(name, f"group {name} is held by {', '.join(group.rivals)}, too")
    if group.answered_by:
        yield kinds.SPLIT.on(name, _split_text(state, group))
    if group.conflict is not None and group.conflict.shown:
        yield kinds.ADDRESS_CONFLICT.on(name, _conflict_text(state, group))
    second = served_elsewhere.shown(group, state.now)
    if second is not None:
        yield kinds.SERVED_ELSEWHERE.on(name, _served_text(group, second.address, second.mac))
    if group.arp_probe_fault:
        text = f"group {name} cannot be claimed here: {group.arp_probe_fault}"
        yield kinds.CLAIM_NOT_PROBED.on(name, text)
    elif group.claim_backoff_until is not None:
        yield kinds.CLAIM_FAILED.on(name, f"group {name} could not be claimed here")
    if group.state is GroupState.RELEASING and group.retries > 1:
        yield kinds.DROP_FAILED.on(name, f"address of group {name} could not be dropped")
    quiet = state.phase is Phase.STARTING or state.lan.isolated or group.answered_by
    if not quiet and candidates.holder(state, group) is None:
        yield kinds.GROUP_WITHOUT_HOLDER.on(name, f"group {name} has no holder")


def _split_text(state: State, group: Group) -> str:
    silent = candidates.unaccounted(state, group)
    why = f"{', '.join(silent)} {'is' if len(silent) == 1 else 'are'} silent on every link"
    return (
        f"split: {_address_of(group)} is still answered by {group.answered_by} although "
        f"{why if silent else 'no server says that it has it'}"
    )


def _conflict_text(state: State, group: Group) -> str:
    assert group.conflict is not None
    mac = group.conflict.mac
    owner = next((peer for peer in state.peers.values() if peer.mac.hex(":") == mac), None)
    who = "a host that is no server"
    if owner is not None:
        who = f"{owner.name}, which {'does not say so' if owner.alive else 'is silent'}"
    return f"address-conflict: {_address_of(group)} is answered by {mac}, too: {who}"


def _served_text(group: Group, address: str, mac: str) -> str:
    services = ", ".join(group.config.services)
    here = "runs here, too" if group.may_serve else "does not start here"
    return f"{address} ({mac}) serves DHCP on the LAN as one of ours: {services} of group {group.name} {here}"


def _address_of(group: Group) -> str:
    return f"{group.config.address} ({group.name})" if group.config.address else group.name


def _not_running(state: State, one: ManagedService) -> Condition:
    subject, why = f"{state.config.me}/{one.name}", one.reason or one.observed.value
    if one.observed is ServiceState.UNKNOWN:
        text = f"it is not known if service {one.name} runs: {why}"
        return kinds.SERVICE_STATE_UNKNOWN.on(subject, text)
    return kinds.SERVICE_NOT_RUNNING.on(subject, f"service {one.name} does not run: {why}")
