"""The addresses of a simulated host; their kernel lifetimes expire whatever the sidecar does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twinboot.core.effects import ClaimVip, DropVip, RenewVip
from twinboot.core.events import Event, VipClaimed, VipClaimFailed, VipDropFailed, VipDropped, VipObserved

if TYPE_CHECKING:
    from .world import World


class Kernel:
    """slow_s: how long each change takes. Each failure reduces the count of failures to come."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.addresses: dict[str, float] = {}
        self.clear_faults()

    def clear_faults(self) -> None:
        self.slow_s = 0.002
        self.claims_fail = self.drops_fail = 0

    def change(self, effect: ClaimVip | RenewVip | DropVip) -> Event | None:
        group = effect.group
        match effect:
            case ClaimVip():
                if self.claims_fail > 0:
                    self.claims_fail -= 1
                    return VipClaimFailed(group, "kernel says no")
                self._lease(group, self.world.now + effect.lease_s)
                return VipClaimed(group)
            case RenewVip():
                if group not in self.addresses:
                    return VipObserved(group, present=False)
                self._lease(group, self.world.now + effect.lease_s)
                return None
            case DropVip():
                if self.drops_fail > 0 and group in self.addresses:
                    self.drops_fail -= 1
                    return VipDropFailed(group, "kernel says no")
                self.take_away(group)
                return VipDropped(group)

    def take_away(self, group: str) -> None:
        """Remove an address, on command or as another tool of the host would."""
        if self.addresses.pop(group, None) is not None:
            self.world.changed = True

    def postpone(self, slept_s: float) -> None:
        """After a suspend: the kernel's time stopped, so lifetimes are extended."""
        for group, expires in list(self.addresses.items()):
            self._lease(group, expires + slept_s)

    def _lease(self, group: str, expires: float) -> None:
        """Set a lifetime; the kernel removes the address 0.2 to 1.2 s after its end (measured)."""
        self.world.changed |= group not in self.addresses
        self.addresses[group] = expires
        self.world.at(expires + 0.2 + self.world.rng.random(), self._expire, group, expires)

    def _expire(self, group: str, expires: float) -> None:
        if self.addresses.get(group) == expires and not self.frozen:
            self.take_away(group)

    frozen = False
    """The host is suspended."""
