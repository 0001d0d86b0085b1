"""The rules for stale ARP entries on kernels that cannot do all: what is left, and what is said of the rest.

What they do on a kernel that can: tests/netns/test_stale_arp_net.py.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from ipaddress import IPv4Address

import pytest
from twinboot.adapters.lan.stale_arp import PARTING_S, Diversion, StaleArpRules
from twinboot.errors import ResourceError

VIP, PEER = IPv4Address("192.168.0.253"), IPv4Address("192.168.0.252")
MOVED = Diversion(peers=frozenset({bytes.fromhex("020000000002")}), holders={VIP: PEER})


@dataclass
class Kernel:
    """A kernel whose nftables lacks a part."""

    lacks: str
    accepted: list[str] = field(default_factory=list)

    def open(self) -> Kernel:
        return self

    def run(self, commands: str) -> None:
        if self.lacks and re.search(self.lacks, commands):
            raise ResourceError("packet filter", f"refused: {self.lacks}")
        self.accepted.append(commands)

    def packets(self, family: str, table: str) -> dict[str, int]:
        return {"accepted": 1, "forwarded": 2}


def rules(kernel: Kernel) -> StaleArpRules:
    return StaleArpRules("lo", [VIP], kernel.open)


@pytest.mark.parametrize(
    ("lacks", "owner", "forwards"),
    [("", True, True), ("flags owner", False, True), (r"\bfwd\b", True, False),
     (r"flags owner|\bfwd\b", False, False)],
)  # fmt: skip
def test_it_does_what_the_kernel_can(lacks: str, owner: bool, forwards: bool) -> None:
    kernel = Kernel(lacks)
    made = rules(kernel)
    made.apply(MOVED)
    assert ("flags owner" in kernel.accepted[0], " fwd " in kernel.accepted[0]) == (owner, forwards)
    assert bool(made.missing_feature) is not forwards
    assert made.frames() == {"accepted": 1, "forwarded": 2}


def test_a_kernel_without_such_tables_is_told_and_tried_again() -> None:
    kernel = Kernel("netdev")
    made = rules(kernel)
    with pytest.raises(ResourceError, match="netdev"):
        made.apply(MOVED)
    kernel.lacks = ""
    made.apply(MOVED)
    assert kernel.accepted


def test_what_is_left_at_the_end_ends_by_itself() -> None:
    kernel = Kernel("")
    made = rules(kernel)
    made.apply(MOVED)
    made.leave(MOVED)
    left = kernel.accepted[-1]
    assert f"moved {{ {VIP} timeout {PARTING_S}s }}" in left
    assert "flags owner" not in left


def test_nothing_is_left_when_there_is_nobody_to_send_to() -> None:
    kernel = Kernel("")
    made = rules(kernel)
    made.apply(MOVED)
    made.leave(Diversion(MOVED.peers))
    assert kernel.accepted[-1].split() == ["delete", "table", "netdev", "twinboot_lan"]


def test_counters_go_on_when_the_interface_was_made_anew() -> None:
    made = rules(Kernel(""))
    made.apply(MOVED)
    made.frames()
    made._index += 1  # as if `lo` had another number by now
    with pytest.raises(ResourceError, match="anew"):
        made.frames()
    made.apply(MOVED)
    assert made.frames() == {"accepted": 2, "forwarded": 4}
