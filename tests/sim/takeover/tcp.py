"""One end of a TCP connection: what Linux does (RFC 9293, 7323, 2018, 5961, 6298), as far as a takeover can
tell the difference. Options of a Stack make it a client of another kind.

Places in the two streams are plain integers from 0 (the byte after the SYN); numbers on the wire are them
plus an origin, modulo 2^32. Sending is here, receiving in receive.py.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from twinboot.takeover.logic.tcp.segment import ACK, FIN, PSH, RST, SYN, Options, Segment

if TYPE_CHECKING:
    from .clock import Event
    from .kernel import Kernel

MODULUS, HALF = 1 << 32, 1 << 31
RTO_FIRST_S, RTO_MIN_S, RTO_MAX_S = 1.0, 0.2, 120.0
INITIAL_SEGMENTS = 10
DUPACKS = 3
NO_OPTIONS = Options()


@dataclass(frozen=True)
class Stack:
    """How a host's TCP behaves. scale -1: windows are not scaled. window: receive buffer, bytes.

    invalid_every_s: bare segments out of the window are answered once in this time (Linux:
    net.ipv4.tcp_invalid_ratelimit). challenges: a SYN in the window is answered (RFC 5961), not obeyed.
    """

    mss: int = 1460
    scale: int = 7
    sack: bool = True
    timestamps: bool = True
    window: int = 65535
    delack_s: float = 0.0
    invalid_every_s: float = 0.5
    challenges: bool = True


@dataclass(frozen=True)
class Place:
    """Addresses and ports of a connection: this end's first."""

    here: object
    port: int
    there: object
    far_port: int


class Connection:
    """kernel: sends its segments and tells the time. on_event: called when something has changed."""

    def __init__(self, kernel: Kernel, place: Place, stack: Stack, *, iss: int, buffer: int) -> None:
        self.kernel, self.place, self.stack = kernel, place, stack
        self.on_event: Callable[[], None] = lambda: None
        self.state = "closed"
        self.error = 0
        self.priority = 0
        self.news_at = kernel.clock.now
        """When it began, was established, or one end closed."""
        self.repairing = False
        self.passive_close = False
        """The peer has closed first."""
        self.released = False
        """The program has closed it: what is left is the kernel's alone."""
        # Sending
        self.origin = (iss + 1) % MODULUS
        self.data = bytearray()
        """From una on."""
        self.una = self.next = -1
        self.fin_at: int | None = None
        self.buffer = buffer
        self.mss, self.peer_scale, self.own_scale = min(stack.mss, 536), 0, 0
        self.sack_ok = self.stamps_ok = False
        self.peer_window, self.widest, self.updated_at = 0, 0, -HALF
        self.least_window = 1 << 30
        """The smallest window that the peer has told, bytes."""
        self.cwnd, self.ssthresh = INITIAL_SEGMENTS * self.mss, 1 << 30
        self.sacked: list[tuple[int, int]] = []
        self.dupacks, self.recover, self.lost_from = 0, -1, None
        self.rto = RTO_FIRST_S
        self.timed: tuple[int, float] | None = None
        self.timer: Event | None = None
        self.active = False
        # Receiving
        self.far_origin = 0
        self.expected = self.told = 0
        self.promised = 0
        self.beyond: list[tuple[int, bytes]] = []
        self.far_fin: int | None = None
        self.inbox = bytearray()
        self.ended = False
        self.recent = 0
        self.recent_known = False
        self.clock_offset = iss & 0xFFFFFF
        self.ack_due: Event | None = None
        self.unacked_segments = 0
        self.invalid_answered_at = -1e9

    # For programs -------------------------------------------------------------------------------

    @property
    def established(self) -> bool:
        return self.state == "established"

    @property
    def end(self) -> int:
        """The place after all that the program has given to be sent."""
        return max(self.una, 0) + len(self.data)

    @property
    def unacked(self) -> int:
        """As SIOCOUTQ has it: given and not acknowledged; the FIN counts as one."""
        return len(self.data) + (self.fin_at is not None and self.una <= self.fin_at)

    @property
    def room(self) -> int:
        return max(0, self.buffer - len(self.data))

    def write(self, data: bytes | memoryview) -> int:
        """Take what there is room for; how much. OSError when the connection is gone."""
        self.raise_error()
        if self.fin_at is not None or self.state == "closed":
            raise OSError(errno.EPIPE, "Broken pipe")
        taken = bytes(data[: self.room])
        self.data += taken
        self.push()
        return len(taken)

    def read(self, count: int) -> bytes:
        data = bytes(self.inbox[:count])
        del self.inbox[:count]
        if (
            data
            and self.state != "closed"
            and self._window() - (self.promised - self.expected) >= 2 * self.mss
        ):
            self._send_ack()
        return data

    def raise_error(self) -> None:
        if self.error:
            raise OSError(self.error, "the connection is gone")

    def shutdown(self) -> None:
        if self.fin_at is None and self.state in ("established", "opening", "accepting"):
            self.fin_at, self.passive_close = self.end, self.ended
            self.news_at = self.kernel.clock.now
            self.push()

    def close(self) -> None:
        """As close(2): what was not read makes it a reset (RFC 2525 section 2.17)."""
        if self.released:
            return
        self.released = True
        self.on_event = lambda: None
        if self.inbox:
            self.abort()
        else:
            self.shutdown()
            self._maybe_gone()

    def abort(self) -> None:
        """RST, and forget."""
        if self.state == "established" and not self.repairing:
            self._emit(self.next, b"", RST | ACK)
        self.vanish()

    def vanish(self, error: int = 0) -> None:
        """Gone in this kernel, without a packet."""
        if self.state == "closed":
            return
        self.state, self.error = "closed", error
        for event in (self.timer, self.ack_due):
            if event is not None:
                event.cancel()
        self.kernel.forget(self)
        self.on_event()

    # Handshake ----------------------------------------------------------------------------------

    def connect(self) -> None:
        self.state, self.active = "opening", True
        self._send_syn()

    def accept(self, syn: Segment) -> None:
        self.state = "accepting"
        self._agree(syn)
        self._send_syn()

    def _send_syn(self) -> None:
        offered = self.stack
        first = self.state == "opening"
        options = Options(
            offered.mss,
            offered.scale if offered.scale >= 0 and (first or self.scaled) else None,
            offered.sack and (first or self.sack_ok),
            (),
            (self._stamp(), self.recent) if offered.timestamps and (first or self.stamps_ok) else None,
        )
        self.una, self.next = -1, 0
        flags, ack = (SYN, 0) if first else (SYN | ACK, (self.far_origin + self.expected) % MODULUS)
        self.kernel.output(
            self._segment(-1, ack, flags, min(offered.window, 65535), options, b""), self.priority
        )
        self._arm(self.rto)

    def _agree(self, syn: Segment) -> None:
        """What both offered holds (of a SYN/ACK: what it answers to our offer)."""
        offer, own = syn.options, self.stack
        self.far_origin = (syn.seq + 1) % MODULUS
        self.mss = min(own.mss, offer.mss or 536)
        self.scaled = own.scale >= 0 and offer.window_scale is not None
        self.own_scale = own.scale if self.scaled else 0
        self.peer_scale = (offer.window_scale or 0) if self.scaled else 0
        self.sack_ok = own.sack and offer.sack_permitted
        self.stamps_ok = own.timestamps and offer.timestamps is not None
        if self.stamps_ok and offer.timestamps is not None:
            self.mss -= 12
            self.recent, self.recent_known = offer.timestamps[0], True
        self.cwnd = INITIAL_SEGMENTS * self.mss
        self.peer_window = self.widest = syn.window

    # Sending ------------------------------------------------------------------------------------

    def push(self) -> None:
        """Send what may be sent now: what was lost first, then what is new."""
        if self.state != "established":
            return
        if self.repairing:
            self._count_as_sent()
            return
        self._resend_lost()
        total = self.end
        limit = self.una + min(self.cwnd + sum(b - a for a, b in self.sacked), self.peer_window)
        while self.next < total:
            size = min(self.mss, total - self.next)
            if self.next + size > limit:
                break
            at = self.next
            self.next += size
            self._data(at, size)
        if self.fin_at is not None and self.next == self.fin_at < self.una + max(self.peer_window, 1):
            self.next += 1
            self._emit(self.fin_at, b"", FIN | ACK)
        if self.timer is None and (self.una < self.next or self.next < total or self.next == self.fin_at):
            self._arm(self.rto)

    def _count_as_sent(self) -> None:
        """Repair mode: nothing leaves, and what is in the queue counts as sent."""
        self.next = self.end
        if self.fin_at is not None:
            self.next = self.fin_at + 1
        if self.timer is None and self.una < self.next:
            self._arm(self.rto)

    def _data(self, at: int, size: int) -> None:
        if self.timed is None:
            self.timed = at + size, self.kernel.clock.now
        last = at + size == self.end
        self._emit(at, bytes(self.data[at - self.una : at - self.una + size]), ACK | PSH if last else ACK)

    def _resend(self, at: int) -> int:
        """The segment at a place once more; the place after it."""
        self.timed = None
        if self.fin_at is not None and at == self.fin_at:
            self._emit(at, b"", FIN | ACK)
            return at + 1
        size = min(self.mss, self.una + len(self.data) - at, self.next - at)
        for start, _end in self.sacked:
            if start > at:
                size = min(size, start - at)
        self._emit(at, bytes(self.data[at - self.una : at - self.una + size]), ACK | PSH)
        return at + size

    def _resend_lost(self) -> None:
        """After a time-out: everything sent that the peer does not hold, as far as the window lets."""
        while self.lost_from is not None:
            at = max(self.lost_from, self.una)
            for start, end in self.sacked:
                if start <= at < end:
                    at = end
            if at >= self.recover or at >= self.next:
                self.lost_from = None
                return
            if at - self.una >= max(self.cwnd, self.mss) or (
                at > self.una and at - self.una >= self.peer_window
            ):
                return
            self.lost_from = self._resend(at)

    def _on_timer(self) -> None:
        self.timer = None
        if self.state in ("opening", "accepting"):
            self.rto = min(2 * self.rto, RTO_MAX_S)
            self._send_syn()
            return
        if self.una < self.next:
            if self.peer_window or self.next - self.una > 1 or self.una == self.fin_at:
                self.ssthresh, self.cwnd = max((self.next - self.una) // 2, 2 * self.mss), self.mss
                self.recover, self.lost_from, self.dupacks = self.next, self.una, 0
                self.sacked = []  # the peer may have thrown it away (RFC 2018 section 8)
            self.rto = min(2 * self.rto, RTO_MAX_S)
            if self.lost_from is not None:
                self._resend_lost()
            else:
                self._resend(self.una)
            self._arm(self.rto)
        elif (
            self.next < self.end or self.next == self.fin_at
        ):  # a closed window is asked about; a small one is filled
            size = min(self.end - self.next, self.mss, max(0, self.una + self.peer_window - self.next))
            if size:
                at = self.next
                self.next += size
                self._data(at, size)
            else:
                self._emit(self.una - 1, b"", ACK)
            self.rto = min(2 * self.rto, RTO_MAX_S)
            self._arm(self.rto)

    def _arm(self, delay_s: float) -> None:
        if self.timer is not None:
            self.timer.cancel()
        self.timer = self.kernel.clock.after(delay_s, self._on_timer)

    def probe_window(self) -> None:
        """A bare segment just before the window (tcp_xmit_probe_skb): what leaving repair mode sends."""
        self._emit(self.una - 1, b"", ACK)

    def _emit(self, at: int, payload: bytes, flags: int) -> None:
        blocks = self._sack_blocks() if self.sack_ok else ()
        stamps = (self._stamp(), self.recent) if self.stamps_ok else None
        options = Options(sack_blocks=blocks, timestamps=stamps) if blocks or stamps else NO_OPTIONS
        window = self._window()
        self.promised = max(self.promised, self.expected + (window >> self.own_scale << self.own_scale))
        self.told = self.expected
        self.unacked_segments = 0
        if self.ack_due is not None:
            self.ack_due.cancel()
            self.ack_due = None
        self.kernel.output(
            self._segment(
                at,
                (self.far_origin + self.expected) % MODULUS,
                flags,
                min(65535, window >> self.own_scale),
                options,
                payload,
            ),
            self.priority,
        )

    def _segment(
        self, at: int, ack: int, flags: int, window: int, options: Options, payload: bytes
    ) -> Segment:
        one = self.place
        return Segment(
            one.here,
            one.there,
            one.port,
            one.far_port,
            (self.origin + at) % MODULUS,  # type: ignore[arg-type]
            ack,
            flags,
            window,
            options,
            payload,
            len(payload),
        )

    def _window(self) -> int:
        free = max(0, self.stack.window - len(self.inbox))
        if free < min(self.stack.window // 2, self.mss):
            free = 0
        return max(free, self.promised - self.expected)

    def _stamp(self) -> int:
        return (int(self.kernel.clock.now * 1000) + self.clock_offset) % MODULUS

    def _sack_blocks(self, duplicate: tuple[int, int] | None = None) -> tuple[tuple[int, int], ...]:
        found = [] if duplicate is None else [duplicate]
        found += self.held_blocks()
        most = 3 if self.stamps_ok else 4
        return tuple(
            ((self.far_origin + a) % MODULUS, (self.far_origin + b) % MODULUS) for a, b in found[:most]
        )

    def held_blocks(self) -> list[tuple[int, int]]:
        """What lies beyond a hole, the latest first (RFC 2018 section 4)."""
        blocks: list[list[int]] = []
        newest = self.beyond[-1][0] if self.beyond else 0
        held = [*self.beyond]
        if self.far_fin is not None and self.far_fin > self.expected:
            held.append((self.far_fin, b"F"))  # it takes a number, and is shown
        for at, data in sorted(held, key=lambda one: one[0]):
            if blocks and at <= blocks[-1][1]:
                blocks[-1][1] = max(blocks[-1][1], at + len(data))
            else:
                blocks.append([at, at + len(data)])
        return [(a, b) for a, b in sorted(blocks, key=lambda one: not one[0] <= newest < one[1])]

    # Receiving: receive.py ----------------------------------------------------------------------

    def on_segment(self, one: Segment) -> None:
        from .receive import receive

        receive(self, one)

    def _send_ack(self) -> None:
        """With a number in the peer's window (tcp_acceptable_seq): more may count as sent after repair."""
        self._emit(min(self.next, max(self.una, 0) + max(self.peer_window, 1)), b"", ACK)

    def _maybe_gone(self) -> None:
        """Both have closed, and ours is acknowledged: TIME-WAIT and the rest are the kernel's."""
        if self.fin_at is not None and self.una > self.fin_at and self.ended and self.state != "closed":
            self.kernel.linger(self)
