"""The addresses of a simulated host; their kernel lifetimes expire whatever the sidecar does."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from twinboot.core.effects import ClaimVip, DropVip, RenewVip
from twinboot.core.events import Event, VipClaimed, VipClaimFailed, VipDropFailed, VipDropped, VipObserved

if TYPE_CHECKING:
    from .world import World


class Kernel:
    """slow_s: how long each change takes. Each failure reduces the count of failures to come."""

    def __init__(self, world: World, address_of: Callable[[str], str]) -> None:
        self.world = world
        self.address_of = address_of
        """By group: the address that it has by this server's site file."""
        self.addresses: dict[str, float] = {}
        self.clear_faults()

    def clear_faults(self) -> None:
        self.slow_s = 0.002
        self.claims_fail = self.drops_fail = 0

    def change(self, effect: ClaimVip | RenewVip | DropVip) -> Event | None:
        group, address = effect.group, self.address_of(effect.group)
        match effect:
            case ClaimVip():
                if self.claims_fail > 0:
                    self.claims_fail -= 1
                    return VipClaimFailed(group, "kernel says no")
                self._put(address, self.world.now + effect.lifetime_s)
                return VipClaimed(group)
            case RenewVip():
                if address not in self.addresses:
                    return VipObserved(group, present=False)
                self._put(address, self.world.now + effect.lifetime_s)
                return None
            case DropVip():
                if self.drops_fail > 0 and address in self.addresses:
                    self.drops_fail -= 1
                    return VipDropFailed(group, "kernel says no")
                self.take_away(address)
                return VipDropped(group)

    def take_away(self, address: str) -> None:
        """Remove an address, on command or as another tool of the host would."""
        if self.addresses.pop(address, None) is not None:
            self.world.changed = True

    def postpone(self, slept_s: float) -> None:
        """After a suspend: the kernel's time stopped, so lifetimes are extended."""
        for address, expires in list(self.addresses.items()):
            self._put(address, expires + slept_s)

    def _put(self, address: str, expires: float) -> None:
        """Set a lifetime; the kernel removes the address 0.2 to 1.2 s after its end (measured)."""
        self.world.changed |= address not in self.addresses
        self.addresses[address] = expires
        self.world.at(expires + 0.2 + self.world.rng.random(), self._expire, address, expires)

    def _expire(self, address: str, expires: float) -> None:
        if self.addresses.get(address) == expires and not self.frozen:
            self.take_away(address)

    frozen = False
    """The host is suspended."""
