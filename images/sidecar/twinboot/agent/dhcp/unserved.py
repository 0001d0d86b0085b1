"""Machines that ask for an address again and again, and take none.

A machine that is served broadcasts a REQUEST after its first DISCOVERs (RFC 2131 section 4.4.1), whichever
server it chose; one that is not asks on: no lease is left for it, or none is meant. Heard on this server's
own LAN alone, as everything of the snooper's.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from ipaddress import IPv4Address

from twinboot.alarms import Condition, kinds
from twinboot.wire.net.dhcp import SNOOPER_MAC, DhcpMessage, MessageType

LEAST_DISCOVERS = 4
LEAST_SPAN_S = 10.0
"""A move of dhcpd, and a boot ROM that waits for a second offer, are over by then."""
FORGET_AFTER_S = 60.0
MAX_CLIENTS = 1024
MAX_TOLD = 8
_NO_RELAY = IPv4Address(0)


@dataclass(slots=True)
class _Asking:
    first: float
    last: float
    times: int = 1


class UnservedClients:
    """Pure: `now` is handed in. Of a flood of made-up clients each asks once, and none is told of."""

    def __init__(self) -> None:
        self._asking: OrderedDict[bytes, _Asking] = OrderedDict()

    def observe(self, message: DhcpMessage, now: float) -> None:
        if message.client == SNOOPER_MAC or message.relay != _NO_RELAY:
            return
        if message.message_type is MessageType.REQUEST:
            self._asking.pop(message.client, None)
        elif message.message_type is MessageType.DISCOVER:
            known = self._asking.get(message.client)
            if known is None or now > known.last + FORGET_AFTER_S:
                self._asking[message.client] = _Asking(now, now)
            else:
                known.last, known.times = now, known.times + 1
            self._asking.move_to_end(message.client)
            if len(self._asking) > MAX_CLIENTS:
                self._asking.popitem(last=False)

    def alarm_conditions(self, now: float) -> list[Condition]:
        """The latest ones that ask still."""
        found: list[Condition] = []
        for client, asking in reversed(self._asking.items()):
            if now > asking.last + FORGET_AFTER_S or len(found) == MAX_TOLD:
                break
            if asking.times >= LEAST_DISCOVERS and asking.last - asking.first >= LEAST_SPAN_S:
                mac = client.hex(":")
                span_s = asking.last - asking.first
                text = f"{mac} has asked for an address {asking.times} times in {span_s:.0f} s and took none"
                found.append(kinds.LEASE_REFUSED.on(mac, text))
        return found
