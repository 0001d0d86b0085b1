"""The thread of the virtual addresses, before a kernel that is busy."""

from __future__ import annotations

import threading
from ipaddress import IPv4Address

import pytest
from twinboot.agent.vip.vips import Vips
from twinboot.core.effects import AnnounceVip, ClaimVip, DropVip, RenewVip
from twinboot.core.events import Event, VipClaimed, VipClaimFailed, VipDropped

from ..support.agentfakes import VIPS, FakeKernel

LEASE_S = 3.0


class BusyKernel(FakeKernel):
    """Says nothing until `free` is set. Renewals are noted as the other calls are."""

    def __init__(self) -> None:
        super().__init__()
        self.called, self.free = threading.Event(), threading.Event()
        self.renewed: list[float] = []
        self.now = 0.0

    def claim(self, interface: str, address: IPv4Address, *, lifetime_s: float, asked: float) -> None:
        self.called.set()
        assert self.free.wait(60)
        super().claim(interface, address, lifetime_s=lifetime_s, asked=asked)

    def renew(self, interface: str, address: IPv4Address, *, lifetime_s: float, asked: float) -> bool:
        self.done.append(("renew", address))
        self.renewed.append(asked)
        return True


@pytest.fixture
def kernel() -> BusyKernel:
    return BusyKernel()


@pytest.fixture
def events() -> list[Event]:
    return []


@pytest.fixture
def vips(kernel: BusyKernel, events: list[Event]) -> Vips:
    """In its first job, a claim of the first group, which the kernel has not answered yet."""
    vips = Vips(VIPS, kernel, kernel, events.append, now=lambda: kernel.now)
    vips.carry_out(ClaimVip("first", LEASE_S), 0.0)
    assert kernel.called.wait(60)
    return vips


def let_go(vips: Vips, kernel: BusyKernel) -> list[str]:
    """The kernel answers; what was done after the first claim, in its order, as `verb group`."""
    kernel.free.set()
    assert vips.close(10)
    groups = {vip.address: name for name, vip in VIPS.items()}
    return [f"{verb} {groups[address]}" for verb, address in kernel.done][1:]


def test_renewals_do_not_pile_up(vips: Vips, kernel: BusyKernel) -> None:
    for asked in (1.0, 2.0, 3.0):
        vips.carry_out(RenewVip("first", LEASE_S), asked)
        vips.carry_out(RenewVip("second", LEASE_S), asked)
    assert let_go(vips, kernel) == ["renew first", "renew second"]
    assert kernel.renewed == [3.0, 3.0], "each says the time of the last request"


def test_all_else_goes_before_renewals_and_in_its_order(
    vips: Vips, kernel: BusyKernel, events: list[Event]
) -> None:
    vips.carry_out(RenewVip("first", LEASE_S), 1.0)
    vips.carry_out(DropVip("second"), 1.1)
    vips.carry_out(ClaimVip("second", LEASE_S), 1.2)
    vips.carry_out(AnnounceVip("second"), 1.3)
    assert let_go(vips, kernel) == ["drop second", "claim second", "announce second", "renew first"]
    assert events == [VipClaimed("first"), VipDropped("second"), VipClaimed("second")]


def test_a_claim_that_is_withdrawn_before_its_turn_never_brings_the_address_up(
    vips: Vips, kernel: BusyKernel, events: list[Event]
) -> None:
    """Its holder has answered after all, while our kernel was busy: else two would have the address."""
    vips.carry_out(ClaimVip("second", LEASE_S), 0.0)
    vips.carry_out(DropVip("second"), 0.001)
    assert let_go(vips, kernel) == ["drop second"]
    assert events == [VipClaimed("first"), VipDropped("second")]


def test_a_claim_that_is_withdrawn_while_the_kernel_works_on_it_is_undone_at_once(
    vips: Vips, kernel: BusyKernel, events: list[Event]
) -> None:
    vips.carry_out(DropVip("first"), 0.001)
    vips.carry_out(ClaimVip("first", LEASE_S), 0.002)
    assert let_go(vips, kernel) == ["drop first", "drop first", "claim first"]
    assert events == [VipDropped("first"), VipClaimed("first")], "the second claim is another decision"


@pytest.mark.parametrize("loop_runs", [True, False])
def test_what_was_decided_before_a_pause_is_not_carried_out(
    vips: Vips, kernel: BusyKernel, events: list[Event], *, loop_runs: bool
) -> None:
    """The kernel is busy for a second. The loop runs on, and tells the others; or it does not run either."""
    vips.carry_out(ClaimVip("second", LEASE_S), 0.0)
    for step in range(1, 51):
        kernel.now = step * 0.02
        if loop_runs:
            vips.claims.ran(kernel.now)
    did = let_go(vips, kernel)
    if loop_runs:
        assert did == ["claim second"]
        assert events == [VipClaimed("first"), VipClaimed("second")]
    else:
        assert did == ["drop first"], "it was up before that could be seen"
        reason = "this process was paused: decided 1.00 s ago"
        assert events == [VipClaimFailed(one, reason, late=True) for one in ("first", "second")]


def test_a_dropped_address_is_not_renewed(vips: Vips, kernel: BusyKernel) -> None:
    vips.carry_out(RenewVip("first", LEASE_S), 1.0)
    vips.carry_out(DropVip("first"), 1.1)
    assert let_go(vips, kernel) == ["drop first", "drop first"], "that of the claim that was under way, too"


def test_what_is_claimed_again_is_renewed_again(vips: Vips, kernel: BusyKernel) -> None:
    vips.carry_out(RenewVip("first", LEASE_S), 1.0)
    vips.carry_out(DropVip("first"), 1.1)
    vips.carry_out(ClaimVip("first", LEASE_S), 1.2)
    vips.carry_out(RenewVip("first", LEASE_S), 1.3)
    assert let_go(vips, kernel) == ["drop first", "drop first", "claim first", "renew first"]
