"""Machines that ask for a boot file and are offered none: who they are, what they say, and why.

Heard on this server's own LAN alone, as everything of the snooper's. Told as an alarm, and so in the log,
when such a machine asks, and until it has been silent for a while.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from twinboot.alarms import Condition, kinds
from twinboot.loaders.firmware import label, said_by
from twinboot.loaders.refusals import Refusals, decode
from twinboot.wire.net.dhcp import SNOOPER_MAC, DhcpMessage, MessageType

FORGET_AFTER_S = 600.0
"""A machine that goes on to its disk asks no more until it starts anew."""
MAX_CLIENTS = 256
MAX_TOLD = 8
_SHOWN = 40
"""Characters of a vendor class: what a machine says may be anything."""


@dataclass(frozen=True, slots=True)
class _Refused:
    at: float
    text: str


class UnbootableMachines:
    """Pure: `now` is handed in."""

    def __init__(self, refusals: Refusals | None = None) -> None:
        self._refusals = refusals or Refusals()
        self._refused: OrderedDict[str, _Refused] = OrderedDict()

    def observe(self, message: DhcpMessage, now: float) -> None:
        if message.message_type is not MessageType.DISCOVER or message.client == SNOOPER_MAC:
            return
        mac, said = message.client.hex(":"), said_by(message.said)
        why = self._refusals.of(mac, said)
        self._refused.pop(mac, None)
        if why:
            vendor = "".join(one if one.isprintable() else "?" for one in said.vendor[:_SHOWN])
            text = f"{mac} ({label(said)}, vendor class {vendor or 'none'}) is offered no boot file: {why}"
            self._refused[mac] = _Refused(now, text)
            if len(self._refused) > MAX_CLIENTS:
                self._refused.popitem(last=False)

    def alarm_conditions(self, now: float) -> list[Condition]:
        """The latest ones."""
        latest = [
            (mac, one.text) for mac, one in reversed(self._refused.items()) if now <= one.at + FORGET_AFTER_S
        ]
        return [kinds.NOTHING_TO_BOOT.on(mac, text) for mac, text in latest[:MAX_TOLD]]


def read_refusals(path: Path) -> Refusals:
    """The rendered ones; none where there is no such file."""
    try:
        return decode(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return Refusals()
