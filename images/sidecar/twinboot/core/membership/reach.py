"""Whether each server's kernel answers on the LAN, as a client would find it.

A server whose ARP answers are filtered (arptables, nft's family arp) goes on sending: its raw sockets pass
such a filter, so its heartbeats, its announcements and its own view of the LAN are well, and no client
reaches it. Only another host can notice. So each server asks the others all the time, by plain ARP requests,
for their own addresses and the virtual ones they hold, and says in its heartbeats who does not answer.

A server takes that for its own fault (a LAN that is tx-dead, intake.py) when all the servers say so that
answer it, one at least. Those must have a good LAN and have answered nearly all of our own requests: where
they are cut off from us, or the LAN loses much, ours go unanswered, too, and nothing follows. Let q be the
chance that a request is answered: that none of WINDOW of theirs is, and of ours all but one, has a chance
below 1e-6 whatever q is.

What we hold ourselves is asked for as well: whoever answers is another host with the address (conflict.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ..effects import AskWhoAnswers
from ..events import AddressesAnswered
from ..model import GroupState, LanHealth

if TYPE_CHECKING:
    from ..state import State, StepContext

ASK_EVERY_S = 0.3
OWN_EVERY = 3
"""Our own addresses are asked for in one round of so many."""
WINDOW = 12
"""Rounds that a verdict is about."""
LATE_S = 0.2
"""A round that ends later than this is void: we were paused, and its answers may lie unread."""


@dataclass(frozen=True, slots=True)
class Target:
    """An address of a live peer. answered: a bit for each of the latest rounds, the newest is bit 0."""

    server: str
    asked: int = 0
    answered: int = 0

    @property
    def silent(self) -> bool:
        return self.asked >= WINDOW and not self.answered

    @property
    def sound(self) -> bool:
        """Whether the target has answered nearly always."""
        return self.asked >= WINDOW and self.answered.bit_count() >= WINDOW - 1


@dataclass(frozen=True, slots=True)
class Reach:
    """What was asked, and who answered. Times are monotonic seconds."""

    due_at: float = 0.0
    rounds: int = 0
    targets: Mapping[str, Target] = field(default_factory=dict)
    """The targets by address."""
    heard: frozenset[str] = frozenset()
    """Addresses that were answered in this round."""


def tick(ctx: StepContext) -> None:
    """End a round when it is due, and begin the next one."""
    state, now = ctx.state, ctx.now
    reach = state.reach
    if now < reach.due_at:
        return
    usable = not state.lan.bad or bool(state.lan.unanswered_by)
    targets = _counted(reach) if now <= reach.due_at + LATE_S else reach.targets
    wanted = _addresses_of_peers(state) if usable else {}
    targets = {
        address: targets[address]
        if address in targets and targets[address].server == server else Target(server)
        for address, server in wanted.items()
    }
    asked = (*targets, *(_own(state) if reach.rounds % OWN_EVERY == 0 and usable else ()))
    if asked:
        ctx.emit(AskWhoAnswers(asked))
    ctx.state = replace(
        state, reach=Reach(now + ASK_EVERY_S, (reach.rounds + 1) % OWN_EVERY, targets, frozenset()),
    )


def answered(ctx: StepContext, event: AddressesAnswered) -> None:
    reach = ctx.state.reach
    heard = reach.heard | {address for address, _ in event.answers if address in reach.targets}
    if heard != reach.heard:
        ctx.state = replace(ctx.state, reach=replace(reach, heard=heard))


def is_silent(state: State, server: str) -> bool:
    """That peer's kernel has not answered for one of its addresses for a whole window."""
    return any(one.silent for one in state.reach.targets.values() if one.server == server)


def unanswered(state: State) -> tuple[str, ...]:
    """What we tell the others: live peers whose kernels do not answer us, in the order of the peers."""
    if state.lan.health is not LanHealth.GOOD:
        return ()
    silent = {one.server for one in state.reach.targets.values() if one.silent}
    return tuple(name for name in state.peers if name in silent)


def arp_silence_reported_by(state: State) -> tuple[str, ...]:
    """The servers that prove that our own kernel does not answer on the LAN; empty: it is not proven."""
    witnesses, reporters = 0, []
    for address, target in state.reach.targets.items():
        peer = state.peers.get(target.server)
        if peer is None or address != _own_address(state, target.server) or not target.sound:
            continue
        said = peer.last_heartbeat
        if said is None or said.lan is not LanHealth.GOOD:
            continue
        witnesses += 1
        if state.config.me in said.unanswered:
            reporters.append(peer.name)
    return tuple(reporters) if len(reporters) == witnesses else ()


def _counted(reach: Reach) -> Mapping[str, Target]:
    mask = (1 << WINDOW) - 1
    return {
        address: replace(
            one, asked=min(one.asked + 1, WINDOW),
            answered=(one.answered << 1 | (address in reach.heard)) & mask,
        )
        for address, one in reach.targets.items()
    }


def _addresses_of_peers(state: State) -> dict[str, str]:
    """The live peer that should answer for each address."""
    found: dict[str, str] = {}
    for peer in state.peers.values():
        own = _own_address(state, peer.name)
        if not peer.alive or peer.unknown_server or peer.last_heartbeat is None or not own:
            continue
        found[own] = peer.name
        for group in state.groups.values():
            report = peer.last_heartbeat.on_address(group.config)
            if group.config.address and report is not None and report[1].state is GroupState.HELD:
                found.setdefault(group.config.address, peer.name)
    return found


def _own_address(state: State, server: str) -> str:
    address = state.config.addresses.get(server)
    return str(address) if address is not None else ""


def _own(state: State) -> tuple[str, ...]:
    """Virtual addresses that are held here."""
    return tuple(
        group.config.address for group in state.groups.values()
        if group.config.address and group.state is GroupState.HELD
    )
