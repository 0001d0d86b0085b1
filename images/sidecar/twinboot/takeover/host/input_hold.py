"""The gate before the install services: a client's word reaches the kernel when the peers know of it.

The packet filter throws away what clients begin to say on the virtual addresses (shield.py, chain `gate`),
and logs it (nflog.py). Here it waits until the peers have its record, and goes into the kernel by a raw
socket and the loopback interface, unchanged. So a server never has, and never acknowledges, what would be
lost with it. See takeover.logic.input_hold for why.

It stands open by itself within GATED_S when this process dies or hangs, while there is no agent, and for a
time when what is let go does not get through (some firewall on the loopback, say).
"""

from __future__ import annotations

import asyncio
import logging
import struct
from collections.abc import Callable
from ipaddress import IPv4Address

from twinboot.errors import ResourceError
from twinboot.takeover.logic.input_hold import Held
from twinboot.takeover.logic.record import Key
from twinboot.takeover.logic.tcp.segment import Segment, checksum, parse

from .nftables import GATED_S, Filter
from .tcp_probe import Voice

log = logging.getLogger(__name__)

_RENEW_S = GATED_S / 3
_SHUT_AFTER_S = 0.1
_REST_S = 60.0
"""So long it stands open after it did harm; twice as long each time."""
_MOST_REST_S = 3600.0
_NO_ETHERNET = bytes(12) + b"\x08\x00"
_PROTOCOL_TCP = 6
_CHECKSUM_AT = 16


class Gate:
    """wanted: False: it is never shut.

    ask: hand a batch's number to the agent, which says when the peers know all that was told before;
    False when there is no agent.
    """

    def __init__(self, shield: Filter, ask: Callable[[int], bool], *, wanted: bool) -> None:
        self._shield, self._ask, self._wanted = shield, ask, wanted
        self._held = Held()
        self._addresses: set[IPv4Address] = set()
        self._shut_until = 0.0
        self._rest_until, self._rest_s = 0.0, _REST_S
        self._renewing: asyncio.TimerHandle | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._voice = Voice()
        self.passed = 0

    def report(self) -> dict[str, object]:
        return {"gate_shut": self._shut(), "words_held": self.passed,
                "words_held_too_long": self._held.overdue}

    def watch(self, addresses: set[IPv4Address]) -> None:
        """From now on what is said to these addresses."""
        gone = self._addresses - addresses
        for address in gone:
            self._held.forget(address)
        self._set(gone, on=False)
        self._addresses = set(addresses) if self._wanted else set()
        if self._renewing is None and self._addresses:
            # A claim has more urgent things to do now than to shut the gate.
            self._renewing = asyncio.get_running_loop().call_later(_SHUT_AFTER_S, self.renew)

    def leave(self, address: IPv4Address) -> None:
        """It moves away: what is held for it is known to its next holder, and answered there."""
        self.watch(self._addresses - {address})

    def close(self) -> None:
        for timer in (self._renewing, self._timer):
            if timer is not None:
                timer.cancel()
        self._set(self._addresses, on=False)
        self._voice.close()

    def heeded(self) -> None:
        """The server answers somebody."""
        self._held.heeded()

    def hold(self, packet: bytes) -> Segment | None:
        """A packet that the filter has thrown away; its segment, None when it is none."""
        one = parse(_NO_ETHERNET + packet)
        if one is None or one.target not in self._addresses:
            return one  # of an address that has left: the next holder answers
        now = asyncio.get_running_loop().time()
        if not self._held.take(Key.of_client(one), one.seq, packet, now):
            self._let_go([packet])
            if self._held.unheeded(now):
                self._rest()
        return one

    def told(self) -> None:
        """All that the segments so far have changed has been told."""
        loop = asyncio.get_running_loop()
        number = self._held.seal(loop.time())
        if number is None:
            return
        if not self._ask(number):
            self._let_go(self._held.known(number))
        elif self._timer is None:
            self._arm()

    def known(self, number: int) -> None:
        """The peers know of all up to this batch."""
        self._let_go(self._held.known(number))

    # Inside -------------------------------------------------------------------------------------

    def _shut(self) -> bool:
        return asyncio.get_running_loop().time() < self._shut_until

    def _let_go(self, packets: list[bytes]) -> None:
        if not packets:
            return
        try:
            for packet in packets:
                self._voice.send(whole(packet))
                self.passed += 1
        except BlockingIOError:
            return  # a full queue: the clients repeat themselves
        except OSError as exc:
            log.warning("the gate stays open: %s", exc)
            self._rest()

    def _arm(self) -> None:
        self._timer = None
        deadline = self._held.deadline()
        if deadline is not None:
            self._timer = asyncio.get_running_loop().call_at(deadline, self._late)

    def _late(self) -> None:
        self._let_go(self._held.late(asyncio.get_running_loop().time()))
        self._arm()

    def renew(self) -> None:
        """Shut it, or keep it shut, for GATED_S from now on."""
        loop = asyncio.get_running_loop()
        self._renewing = loop.call_later(_RENEW_S, self.renew) if self._addresses else None
        if self._addresses and loop.time() >= self._rest_until and self._ask(0):
            self._set(self._addresses, on=True)
            self._shut_until = loop.time() + GATED_S

    def _set(self, addresses: set[IPv4Address], *, on: bool) -> None:
        try:
            self._shield.gated(addresses, on=on)
        except ResourceError as exc:
            log.warning("the gate: %s", exc)

    def _rest(self) -> None:
        """It does harm: open it for a time."""
        loop = asyncio.get_running_loop()
        log.warning("clients repeat what was let through to the services here: the gate stays open for "
                    "%.0f s (does a firewall drop packets on the loopback interface?)", self._rest_s)
        self._rest_until, self._shut_until = loop.time() + self._rest_s, 0.0
        self._rest_s = min(2 * self._rest_s, _MOST_REST_S)
        self._held.heeded()
        self._set(self._addresses, on=False)


def whole(packet: bytes) -> bytes:
    """The IP packet with its TCP checksum, which is not there yet when a card or nobody computes it."""
    start = 4 * (packet[0] & 0x0F)
    tcp = packet[start:start + _CHECKSUM_AT] + bytes(2) + packet[start + _CHECKSUM_AT + 2:]
    pseudo = packet[12:20] + struct.pack(">BBH", 0, _PROTOCOL_TCP, len(tcp))
    return packet[:start] + tcp[:_CHECKSUM_AT] + checksum(pseudo + tcp) + tcp[_CHECKSUM_AT + 2:]
