"""The LAN is the witness: asks it who has an address before the address is taken.

A server that is silent on every heartbeat link may still serve its clients. So a claim while a
server of the group's order is unaccounted for starts with an ARP probe; while anything answers, the
address is not taken. When every such server says that it has not the address, there is nothing to ask.

Three probes 20 ms apart, 80 ms in all. RFC 5227 section 2.1.1 waits 0 to 1 s, probes three times 1 to 2 s
apart and listens for 2 s more: made for a host that joins an unknown network with bridges still
learning. Here clients wait, the LAN is up and in use, those asked are kernels that answer within a
millisecond, and detection has already taken a deadtime.
"""

from __future__ import annotations

from dataclasses import replace

from ..effects import Level, Probe
from ..model import GroupState
from ..ownership import candidates
from ..state import Turn
from . import group as groups
from . import transitions
from .group import Group, enter

PROBES = 3
PROBE_GAP_S = 0.02
LISTEN_S = 0.08
AGAIN_S = 0.3
"""Pause between two rounds while something answers."""

LATE_S = 0.1
"""We come to the end of a round later than this: we did not run, and others may have acted."""


def tend(turn: Turn, group: Group) -> None:
    """Carry the probing of one group on: begin a round, send what is due, come to the end."""
    if group.doubt_until is not None and turn.now >= group.doubt_until:
        turn.put_group(replace(group, doubt_until=None))
    if group.state is not GroupState.CLAIMING:
        return
    if group.probing and group.listen_until is None and not group.answered_by and not (
        candidates.unaccounted(turn.state, group)
    ):
        _pass(turn, group)
        return
    now = turn.now
    due = group.probe_at is None or now >= group.probe_at
    late = group.listen_until is not None and now > group.listen_until + LATE_S
    if group.probing and (late or (group.listen_until is None and due)):
        group = replace(group, probe_at=now, probes=0, listen_until=now + LISTEN_S)
    if group.probe_at is not None and now >= group.probe_at:
        group = _send(turn, group)
    turn.put_group(group)
    if group.probing and group.listen_until is not None and now >= group.listen_until:
        _quiet(turn, group)


def _send(turn: Turn, group: Group) -> Group:
    turn.emit(Probe(group.name))
    sent = group.probes + 1
    more = sent < PROBES or not group.probing
    return replace(group, probes=sent, probe_at=turn.now + PROBE_GAP_S if more else None)


def _pass(turn: Turn, group: Group) -> None:
    transitions.ask_for_address(turn, replace(group, probing=False, probe_at=None, listen_until=None))


def _quiet(turn: Turn, group: Group) -> None:
    """Nothing answered for a whole round: take the address.

    Until it is up we go on probing, so that another one which probes now sees us (section 2.1.1: a
    probe of another host for the same address is a conflict).
    """
    if group.answered_by:
        group = _over(turn, group, "nothing answers any more")
        group = replace(group, reason=f"{group.reason}, and silent on the LAN now", guarded=True)
    elif _ran_out(turn, group.last_holder):
        group = replace(group, guarded=True)
    group = _mended(turn, group)
    transitions.ask_for_address(turn, replace(
        group, probing=False, listen_until=None, probe_at=turn.now + PROBE_GAP_S,
    ))


def _ran_out(turn: Turn, server: str) -> bool:
    """Has the server's kernel perhaps just taken the address back, as nobody renewed it?

    The machine may live on then, and its services until their guard has seen that the address is gone. A
    machine without power is not meant: it is silent on the LAN long before its lease would be over.
    """
    peer, timers = turn.state.peers.get(server), turn.config.timers
    if peer is None or peer.heard_at is None:
        return False
    silent_s = turn.now - peer.heard_at
    return timers.lease_s * 2 / 3 <= silent_s <= timers.lease_s + groups.KERNEL_MARGIN_S + groups.GUARD_S


def confirm(turn: Turn, before: Group) -> None:
    """The address is up. Was it also taken by another one while the kernel let us wait? Ask once more."""
    group = turn.state.groups[before.name]
    if group.state is GroupState.HELD and before.listens:
        turn.emit(Probe(group.name))
        turn.put_group(replace(group, doubt_until=turn.now + LISTEN_S))


def answered(turn: Turn, group: Group, mac: str, *, only_asks: bool) -> None:
    """Something else has the address: leave it alone, say so, ask again soon.

    One that only asks, too, and goes first, is no split: wait for what comes of it.
    """
    if not group.listens or (only_asks and group.state is GroupState.HELD):
        return
    if not group.answered_by and not only_asks:
        silent = ",".join(candidates.unaccounted(turn.state, group))
        turn.log(
            Level.WARNING, "split", group=group.name, address=group.config.address,
            answered_by=mac, silent=silent,
        )
    group = _mended(turn, group)
    if not only_asks:
        group = replace(group, answered_by=mac)
    if not group.probing:
        transitions.drop(turn, group, f"another host {'asks for' if only_asks else 'has'} the address")
    elif group.listen_until is not None:
        turn.put_group(replace(group, listen_until=None, probe_at=turn.now + AGAIN_S, serve=False))
    else:
        turn.put_group(group)


def failed(turn: Turn, group: Group, reason: str) -> None:
    """The LAN cannot be asked. Nor could a client be served there: leave the group to others, try later.

    The pause does not grow, unlike after a failed claim: a cable that is plugged in again should be
    of use at once.
    """
    if group.state is not GroupState.CLAIMING or not group.probing:
        return
    if not group.probe_fault:
        turn.log(Level.ERROR, "group-claim-failed", group=group.name, reason=reason,
                 retry_s=groups.BAR_S)
    if group.answered_by:
        group = _over(turn, group, "the LAN cannot be asked")
    idle = enter(group, GroupState.IDLE, now=turn.now, reason="the LAN cannot be asked")
    again = turn.now + groups.BAR_S
    turn.put_group(replace(idle, probe_fault=reason, barred_until=again, resort_at=again))
    transitions.stop_services(turn, turn.state.groups[group.name])


def leave_be(turn: Turn, group: Group) -> None:
    """The group is not for us to take now: what kept us from it is no alarm any more."""
    group = _over(turn, group, "it is not for us to take now")
    if candidates.busy_peers(turn.state, group.name):
        _mended(turn, group)


def _over(turn: Turn, group: Group, reason: str) -> Group:
    """The group with its split ended."""
    if not group.answered_by:
        return group
    turn.log(Level.INFO, "split-over", group=group.name, reason=reason)
    group = replace(group, answered_by="")
    turn.put_group(group)
    return group


def _mended(turn: Turn, group: Group) -> Group:
    """The group without the memory that the LAN could not be asked."""
    if not group.probe_fault:
        return group
    turn.log(Level.INFO, "group-claim-possible", group=group.name)
    group = replace(group, probe_fault="")
    turn.put_group(group)
    return group
