"""Asks the LAN who answers for addresses: carries out AskWhoAnswers, hands each round's replies to the loop.

Runs on the loop's thread with one non-blocking socket that stays open (see request_socket.py). Replies are
read once, a moment after the requests: they cost one step of the core, however many there are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from ipaddress import IPv4Address

from twinboot.core.effects import AskWhoAnswers
from twinboot.core.events import AddressesAnswered, Event
from twinboot.errors import ResourceError

from ..settings import LanSpec
from .request_socket import KeptRequestSocket, QuestionAccess

COLLECT_S = 0.1
"""Replies are collected this long after the requests; a kernel answers within a millisecond."""


class WhoAnswers:
    """handle: called on the loop with each event, never from within carry_out()."""

    def __init__(self, spec: LanSpec, access: QuestionAccess, handle: Callable[[Event], None]) -> None:
        self._spec, self._handle = spec, handle
        self._socket = KeptRequestSocket(spec, access)
        self._asked: frozenset[str] = frozenset()
        self._timer: asyncio.TimerHandle | None = None

    def carry_out(self, effect: AskWhoAnswers) -> None:
        """Sends the ARP requests; one that cannot be sent counts as unanswered."""
        wanted = {IPv4Address(address) for address in effect.addresses}
        asked = sorted(address for address in wanted if address in self._spec.network)
        self._asked = frozenset(str(address) for address in asked)
        try:
            opened = self._socket.opened()
            opened.replies()  # what came to the other sockets' requests meanwhile, and late replies
            for address in asked:
                opened.send_request(address, None)
        except ResourceError:
            self.close()
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(COLLECT_S, self._collect)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._socket.close()

    def _collect(self) -> None:
        self._timer = None
        packets = self._socket.replies()
        found = frozenset(
            (str(packet.sender), packet.sender_mac) for packet in packets if str(packet.sender) in self._asked
        )
        if found:
            self._handle(AddressesAnswered(found))
