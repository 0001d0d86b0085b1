"""Input hold, the kernel side: client packets reach the install services once the peers have their record.

nftables drops new client input on the virtual addresses (nftables.py, chain `input_hold`) and logs it
(kernel/nflog.py). Here it is held until the peers have its record, and then sent unchanged to the kernel
through a raw socket and the loopback interface. So a server never has, and never acknowledges, input that
would be lost with it. The reason is given in takeover.logic.input_hold.

Input passes without the hold: within INPUT_HOLD_S after this process dies or hangs, while there is no agent,
and for a time when released packets do not arrive (for example because of a firewall on the loopback).
"""

from __future__ import annotations

import asyncio
import logging
import struct
from collections.abc import Callable
from ipaddress import IPv4Address

from twinboot.takeover.logic.input_hold import HeldInput
from twinboot.takeover.logic.record import ConnectionKey
from twinboot.takeover.logic.tcp.segment import Segment, internet_checksum, parse_segment
from twinboot.wire.ipc.takeover import ReportCounter, counters

from .nftables import INPUT_HOLD_S, TakeoverRules
from .tcp_probe import RawTcpSender

log = logging.getLogger(__name__)

_RENEW_S = INPUT_HOLD_S / 3
_START_AFTER_S = 0.1
_SUSPEND_S = 60.0
"""How long the hold is suspended after it did harm; doubled each time."""
_MAX_SUSPEND_S = 3600.0
_NO_ETHERNET = bytes(12) + b"\x08\x00"
_PROTOCOL_TCP = 6
_CHECKSUM_AT = 16


class InputHold:
    """enabled: False: nothing is ever held.

    ask_replicated: give a batch's number to the agent, which reports when the peers have all records sent
    before it; False when there is no agent.
    """

    def __init__(self, rules: TakeoverRules, ask_replicated: Callable[[int], bool], *, enabled: bool) -> None:
        self._rules, self._ask_replicated, self._enabled = rules, ask_replicated, enabled
        self._held_input = HeldInput()
        self._addresses: set[IPv4Address] = set()
        self._active_until = 0.0
        self._suspended_until, self._suspend_s = 0.0, _SUSPEND_S
        self._renew_timer: asyncio.TimerHandle | None = None
        self._deadline_timer: asyncio.TimerHandle | None = None
        self._sender = RawTcpSender()
        self.released_packets = 0

    def counts(self) -> dict[ReportCounter, float]:
        return {counters.INPUT_HOLD_ACTIVE: self._active(), counters.INPUT_HELD: self.released_packets,
                counters.INPUT_HELD_OVERDUE: self._held_input.overdue_packets}

    def set_addresses(self, addresses: set[IPv4Address]) -> None:
        """Hold the input of these addresses from now on."""
        gone = self._addresses - addresses
        for address in gone:
            self._held_input.forget_address(address)
        self._rules.hold_input(gone, on=False)
        self._addresses = set(addresses) if self._enabled else set()
        if self._renew_timer is None and self._addresses:
            # Delayed, as a claim has more urgent work now.
            self._renew_timer = asyncio.get_running_loop().call_later(_START_AFTER_S, self.renew)

    def forget_address(self, address: IPv4Address) -> None:
        """The address is released: its next holder has the records of its held input, and answers it."""
        self.set_addresses(self._addresses - {address})

    def close(self) -> None:
        for timer in (self._renew_timer, self._deadline_timer):
            if timer is not None:
                timer.cancel()
        self._rules.hold_input(self._addresses, on=False)
        self._sender.close()

    def server_answered(self) -> None:
        """The server has answered a client: released packets arrive."""
        self._held_input.delivered()

    def hold(self, packet: bytes) -> Segment | None:
        """Hold a packet that nftables has dropped and logged; return its segment, None if malformed."""
        one = parse_segment(_NO_ETHERNET + packet)
        if one is None or one.target not in self._addresses:
            return one  # of a released address: the next holder answers
        now = asyncio.get_running_loop().time()
        if not self._held_input.hold(ConnectionKey.of_client(one), one.seq, packet, now):
            self._release([packet])
            if self._held_input.undelivered(now):
                self._suspend()
        return one

    def close_batch(self, is_untold: Callable[[ConnectionKey], bool] = lambda _key: False) -> None:
        """All records for the packets held so far have been sent, but for those that are untold: close the
        batch."""
        loop = asyncio.get_running_loop()
        number = self._held_input.close_batch(loop.time(), is_untold)
        if number is not None and not self._ask_replicated(number):
            self._release(self._held_input.replicated(number, loop.time()))
        if self._deadline_timer is None:
            self._arm_deadline()

    def replicated(self, batch: int) -> None:
        """The peers have all records up to this batch."""
        self._release(self._held_input.replicated(batch, asyncio.get_running_loop().time()))

    # Inside -------------------------------------------------------------------------------------

    def _active(self) -> bool:
        return asyncio.get_running_loop().time() < self._active_until

    def _release(self, packets: list[bytes]) -> None:
        if not packets:
            return
        try:
            for packet in packets:
                self._sender.send(with_checksum(packet))
                self.released_packets += 1
        except BlockingIOError:
            return  # a full queue: the clients retransmit
        except OSError as exc:
            log.warning("the input hold is suspended: %s", exc)
            self._suspend()

    def _arm_deadline(self) -> None:
        self._deadline_timer = None
        deadline = self._held_input.deadline()
        if deadline is not None:
            self._deadline_timer = asyncio.get_running_loop().call_at(deadline, self._release_overdue)

    def _release_overdue(self) -> None:
        self._release(self._held_input.release_overdue(asyncio.get_running_loop().time()))
        self._arm_deadline()

    def renew(self) -> None:
        """Activate or extend the hold for INPUT_HOLD_S from now on."""
        loop = asyncio.get_running_loop()
        self._renew_timer = loop.call_later(_RENEW_S, self.renew) if self._addresses else None
        if self._addresses and loop.time() >= self._suspended_until and self._ask_replicated(0):
            self._rules.hold_input(self._addresses, on=True)
            self._active_until = 0.0 if self._rules.fault else loop.time() + INPUT_HOLD_S

    def _suspend(self) -> None:
        """The hold does harm: disable it for a time."""
        loop = asyncio.get_running_loop()
        log.warning(
            "clients repeat what was let through to the services here: the input hold is suspended for "
            "%.0f s (does a firewall drop packets on the loopback interface?)",
            self._suspend_s,
        )
        self._suspended_until, self._active_until = loop.time() + self._suspend_s, 0.0
        self._suspend_s = min(2 * self._suspend_s, _MAX_SUSPEND_S)
        self._held_input.delivered()
        self._rules.hold_input(self._addresses, on=False)


def with_checksum(packet: bytes) -> bytes:
    """The IP packet with its TCP checksum, which is missing when it is left to the network card."""
    start = 4 * (packet[0] & 0x0F)
    tcp = packet[start:start + _CHECKSUM_AT] + bytes(2) + packet[start + _CHECKSUM_AT + 2:]
    pseudo = packet[12:20] + struct.pack(">BBH", 0, _PROTOCOL_TCP, len(tcp))
    return packet[:start] + tcp[:_CHECKSUM_AT] + internet_checksum(pseudo + tcp) + tcp[_CHECKSUM_AT + 2:]
