"""What is in the packet filter's sets is known with the time that is left."""

from __future__ import annotations

import math
from ipaddress import IPv4Address

from twinboot.takeover.logic.set_members import SetMembers

ONE, OTHER = IPv4Address("192.168.0.253"), IPv4Address("192.168.0.254")


def test_members_end_with_their_time_or_when_they_are_removed() -> None:
    members = SetMembers({"short": 10.0})
    members.put("short", (ONE, OTHER), 100.0, on=True)
    members.put("lasting", (ONE,), 100.0, on=True)
    assert members.left(104.0) == [("short", ONE, 6.0), ("short", OTHER, 6.0), ("lasting", ONE, math.inf)]
    members.put("short", (ONE,), 105.0, on=True)
    assert ("short", ONE, 9.0) in members.left(106.0), "put again, its time begins again"
    assert members.left(111.0) == [("short", ONE, 4.0), ("lasting", ONE, math.inf)]
    members.put("lasting", (ONE,), 112.0, on=False)
    members.put("lasting", (OTHER,), 112.0, on=False)
    assert members.left(120.0) == []
