"""The thread of the virtual addresses: carries out ClaimVip, RenewVip, DropVip and AnnounceVip.

It does so in their order; the results go back as events. Netlink blocks while the kernel is busy with other
interfaces (Docker makes and removes them); it blocks this thread alone. Renewals come last: command_queue.py.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from ipaddress import IPv4Address
from typing import Protocol

from twinboot.adapters import clock
from twinboot.core.effects import AnnounceVip, ClaimVip, DropVip, LogLevel, RenewVip
from twinboot.core.events import Event, VipClaimed, VipClaimFailed, VipDropFailed, VipDropped, VipObserved
from twinboot.errors import ResourceError
from twinboot.log import log_event

from ..settings import Vip
from ..worker import Worker
from .claims import PendingClaim, PendingClaims
from .command_queue import CommandQueue

log = logging.getLogger(__name__)

VipEffect = ClaimVip | RenewVip | DropVip | AnnounceVip


class Addresses(Protocol):
    """adapters.lan.address.AddressTable, or a stand-in."""

    def claim(self, interface: str, address: IPv4Address, *, lifetime_s: float, asked: float) -> None: ...
    def renew(self, interface: str, address: IPv4Address, *, lifetime_s: float, asked: float) -> bool: ...
    def drop(self, interface: str, address: IPv4Address) -> None: ...
    def list_addresses(self, interface: str) -> frozenset[IPv4Address]: ...


class Announcer(Protocol):
    """adapters.lan.arp.ArpSender, or a stand-in."""

    def announce(self, interface: str, address: IPv4Address) -> None: ...


class Moves(Protocol):
    """agent.takeover.moves.TakeoverMoves, or a stand-in: called before and after each address change."""

    def claiming(self, address: IPv4Address) -> bool: ...
    def announced(self, address: IPv4Address) -> None: ...
    def releasing(self, address: IPv4Address) -> None: ...
    def released(self, address: IPv4Address) -> None: ...


class Vips:
    """post: called from the thread with each event."""

    def __init__(self, vips: Mapping[str, Vip], addresses: Addresses, announcer: Announcer,
                 post: Callable[[Event], None], *, now: Callable[[], float] = clock.now) -> None:
        self.moves: Moves | None = None
        self.record_event: Callable[[str, str, float], None] | None = None
        """Called from the thread with a group, what was done for it, and when."""
        self._unannounced: set[str] = set()
        self._vips = vips
        self._addresses = addresses
        self._announcer = announcer
        self._post = post
        self._now = now
        self.renewals = dict.fromkeys(vips, 0)
        self._faults: set[str] = set()
        self._observing = False
        self._worker = Worker("vips")
        self._lock = threading.Lock()
        self._commands: CommandQueue[Callable[[], None]] = CommandQueue()
        self.claims = PendingClaims()

    def carry_out(self, effect: VipEffect, asked: float) -> None:
        """Carry out an effect that was decided at `asked`."""
        if isinstance(effect, ClaimVip):
            claim = self.claims.decided(effect, asked)
            self._submit(lambda: self._claim(effect, self._vips[effect.group], asked, claim), effect)
        else:
            if isinstance(effect, DropVip):
                self.claims.withdraw(effect.group)
            self._submit(lambda: self._carry_out(effect, asked), effect)

    def _submit(self, job: Callable[[], None], effect: VipEffect | None = None) -> None:
        with self._lock:
            self._commands.put(job, effect)
        self._worker.submit(self._next)

    def _next(self) -> None:
        """Do what is due first. It is called once for each job, so it may find nothing left."""
        with self._lock:
            job = self._commands.take()
        if job is not None:
            job()

    def observe(self) -> None:
        """Read the kernel's addresses and post VipObserved for every group; at most one such job waits."""
        if not self._observing:
            self._observing = True
            self._submit(self._observe)

    def owns(self, address: IPv4Address) -> bool:
        return any(vip.address == address for vip in self._vips.values())

    def close(self, limit_s: float) -> bool:
        return self._worker.close(limit_s)

    def _carry_out(self, effect: RenewVip | DropVip | AnnounceVip, asked: float) -> None:
        vip = self._vips[effect.group]
        if isinstance(effect, RenewVip):
            self._renew(effect, vip, asked)
        elif isinstance(effect, DropVip):
            self._drop(effect, vip)
        else:
            self._announce(effect, vip)

    def _claim(self, effect: ClaimVip, vip: Vip, asked: float, claim: PendingClaim) -> None:
        self._unannounced.add(effect.group)
        if self.moves is not None and self.moves.claiming(vip.address):
            self._record_event(effect.group, "no-rst")
        try:
            if self._too_late(effect.group, asked, claim):
                return
            self._addresses.claim(vip.interface, vip.address, lifetime_s=effect.lifetime_s, asked=asked)
            if self._too_late(effect.group, asked, claim):
                self._addresses.drop(vip.interface, vip.address)
                return
        except ResourceError as exc:
            self._post(VipClaimFailed(effect.group, str(exc)))
        else:
            self._record_event(effect.group, "address-up")
            self._post(VipClaimed(effect.group))
        finally:
            self.claims.done(claim)

    def _too_late(self, group: str, asked: float, claim: PendingClaim) -> bool:
        """Whether it is not to be carried out any more; posts it when this process was paused meanwhile."""
        now = self._now()
        late = not self.claims.holds(claim, now)
        if late and not claim.withdrawn:  # whoever withdrew it knows
            reason = f"this process was paused: decided {now - asked:.2f} s ago"
            self._post(VipClaimFailed(group, reason, late=True))
        return late

    def _announce(self, effect: AnnounceVip, vip: Vip) -> None:
        first = effect.group in self._unannounced

        def announce() -> None:
            self._announcer.announce(vip.interface, vip.address)
            if first:
                self._record_event(effect.group, "announced")

        self._try("announce", effect.group, announce)
        if first:
            self._unannounced.discard(effect.group)
            if self.moves is not None:
                self.moves.announced(vip.address)

    def _renew(self, effect: RenewVip, vip: Vip, asked: float) -> None:
        def renew() -> None:
            if self._addresses.renew(vip.interface, vip.address, lifetime_s=effect.lifetime_s, asked=asked):
                self.renewals[effect.group] += 1
            else:
                self._post(VipObserved(effect.group, present=False))

        self._try("renew", effect.group, renew)

    def _drop(self, effect: DropVip, vip: Vip) -> None:
        if self.moves is not None:
            self.moves.releasing(vip.address)
            self._record_event(effect.group, "frozen")
        try:
            self._addresses.drop(vip.interface, vip.address)
        except ResourceError as exc:
            self._post(VipDropFailed(effect.group, str(exc)))
        else:
            self._record_event(effect.group, "address-gone")
            self._post(VipDropped(effect.group))
        if self.moves is not None:
            self.moves.released(vip.address)

    def _record_event(self, group: str, what: str) -> None:
        if self.record_event is not None:
            self.record_event(group, what, clock.now())

    def _observe(self) -> None:
        self._observing = False
        for interface in {vip.interface for vip in self._vips.values()}:
            held: list[frozenset[IPv4Address]] = []
            self._try("list-addresses", interface, lambda name=interface, into=held: into.append(  # type: ignore[misc]
                self._addresses.list_addresses(name)))
            for group, vip in self._vips.items():
                if held and vip.interface == interface:
                    self._post(VipObserved(group, present=vip.address in held[0]))

    def _try(self, what: str, whose: str, job: Callable[[], None]) -> None:
        """Run a job that is repeated anyway: log once when it begins to fail and once when it works again."""
        fault = f"{what} {whose}"
        try:
            job()
        except ResourceError as exc:
            if fault not in self._faults:
                self._faults.add(fault)
                log_event(log, LogLevel.WARNING, f"{what}-failed", subject=whose, resource=exc.resource,
                    reason=exc.reason)
        else:
            if fault in self._faults:
                self._faults.discard(fault)
                log_event(log, LogLevel.INFO, f"{what}-works-again", subject=whose)
