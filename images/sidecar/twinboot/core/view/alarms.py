"""What an operator should look at: one sentence for each thing that is wrong, here or on a peer."""

from __future__ import annotations

from ..health import holddown
from ..health.managed import ManagedService
from ..membership.peer import LinkState, Liveness, Peer
from ..model import GroupState, Health, LanHealth, ServiceState
from ..ownership import candidates
from ..state import Phase, State
from ..vip.group import Group

_LAN = {
    LanHealth.NO_CARRIER: "has no carrier",
    LanHealth.RX_DEAD: "is rx-dead: nothing of any other host is heard",
}


def alarms(state: State) -> tuple[str, ...]:
    """What an operator should look at, one sentence each; empty when all is well."""
    found: list[str] = []
    starting = state.phase is Phase.STARTING
    for peer in state.peers.values():
        if not peer.alive and not (starting and peer.liveness is Liveness.UNKNOWN):
            found.append(f"server {peer.name} {'left' if peer.left else 'is not heard'}")
        elif peer.alive:
            found += [
                f"link {name} to {peer.name} is {link.state.value}"
                for name, link in peer.links.items() if link.state in (LinkState.LATE, LinkState.DOWN)
            ]
        found += _peer_health_alarms(peer)
    found += _own_health_alarms(state)
    found += _holddown_alarms(state)
    for group in state.groups.values():
        if group.rivals:
            found.append(f"group {group.name} is held by {', '.join(group.rivals)}, too")
        if group.answered_by:
            found.append(_split_text(state, group))
        if group.conflict is not None and group.conflict.shown:
            found.append(_conflict_text(state, group))
        if group.arp_probe_fault:
            found.append(f"group {group.name} cannot be claimed here: {group.arp_probe_fault}")
        elif group.claim_backoff_until is not None:
            found.append(f"group {group.name} could not be claimed here")
        if group.state is GroupState.RELEASING and group.retries > 1:
            found.append(f"address of group {group.name} could not be dropped")
        quiet = starting or state.lan.isolated or group.answered_by
        if not quiet and candidates.holder(state, group) is None:
            found.append(f"group {group.name} has no holder")
    found += [
        f"{_not_running_text(one)}: {one.reason or one.observed.value}"
        for one in state.services.values() if one.wanted and one.retry_at is not None
    ]
    return tuple(found)


def _split_text(state: State, group: Group) -> str:
    silent = candidates.unaccounted(state, group)
    what = f"{group.config.address} ({group.name})" if group.config.address else group.name
    why = f"{', '.join(silent)} {'is' if len(silent) == 1 else 'are'} silent on every link"
    return (
        f"split: {what} is still answered by {group.answered_by} although "
        f"{why if silent else 'no server says that it has it'}"
    )


def _own_health_alarms(state: State) -> list[str]:
    found = [f"the LAN {_LAN[state.lan.health]}"] if state.lan.health in _LAN else []
    if state.lan.isolated:
        found.append("isolated: no carrier, and no peer is heard; nothing is held here")
    return found + [
        f"service {one.name} is {one.health.value}: {one.fault}"
        for one in state.daemons.values() if one.health in (Health.FAILING, Health.BROKEN)
    ]


def _peer_health_alarms(peer: Peer) -> list[str]:
    if not peer.alive or peer.last_heartbeat is None:
        return []
    found = (
        [f"the LAN of {peer.name} {_LAN[peer.last_heartbeat.lan]}"] if peer.last_heartbeat.lan in _LAN else []
    )
    return found + [
        f"service {name} of {peer.name} is {health.value}"
        for name, health in peer.last_heartbeat.daemons.items() if health in (Health.FAILING, Health.BROKEN)
    ]


def _holddown_alarms(state: State) -> list[str]:
    delay_s, now = state.config.timers.failback_delay_s, state.now
    return [
        f"hold-down: {name} lost its health {holddown.recent_losses(one, now)} times "
        f"in {holddown.WINDOW_S / 60:g} min, "
        f"groups go back to it after {holddown.required_healthy_s(one, now, delay_s):g} s without a loss"
        for name, one in state.holddowns.items() if holddown.is_alarm(one, now, delay_s)
    ]


def _conflict_text(state: State, group: Group) -> str:
    assert group.conflict is not None
    mac = group.conflict.mac
    owner = next((peer for peer in state.peers.values() if peer.mac.hex(":") == mac), None)
    who = "a host that is no server"
    if owner is not None:
        who = f"{owner.name}, which {'does not say so' if owner.alive else 'is silent'}"
    what = f"{group.config.address} ({group.name})" if group.config.address else group.name
    return f"address-conflict: {what} is answered by {mac}, too: {who}"


def _not_running_text(one: ManagedService) -> str:
    unknown = one.observed is ServiceState.UNKNOWN
    return f"it is not known if service {one.name} runs" if unknown else f"service {one.name} does not run"
