"""The receiving half of tcp.Connection.

The checks come in the order of Linux' tcp_validate_incoming, tcp_ack and tcp_data_queue.
"""

from __future__ import annotations

import errno

from twinboot.takeover.logic.tcp.segment import ACK, FIN, RST, SYN, Segment

from .tcp import DUPACKS, HALF, MODULUS, RTO_MAX_S, RTO_MIN_S, Connection


def receive(c: Connection, one: Segment) -> None:
    if c.state in ("opening", "accepting") and not _handshake(c, one):
        return
    if c.state != "established":
        return
    if not _acceptable(c, one) or not _acknowledge(c, one):
        return
    _data(c, one)
    if c.state == "established":
        c.push()
        c._maybe_gone()
        c.on_event()


def _handshake(c: Connection, one: Segment) -> bool:
    """Whether the segment has completed it, and is looked at further."""
    ack = _relative(c.origin, one.ack, 0)
    if one.flags & RST:
        if not one.flags & ACK or ack == 0 or c.state == "accepting":
            c.vanish(errno.ECONNREFUSED if c.active else errno.ECONNRESET)
        return False
    if c.state == "opening":
        if one.flags & ACK and ack != 0:
            c.kernel.refuse(one)
            return False
        if one.flags & (SYN | ACK) != SYN | ACK:
            return False
        c._agree(one)
    elif one.flags & SYN:
        c._send_syn()  # it was repeated: ours was lost
        return False
    if not one.flags & ACK or ack < 0:
        return False
    first = c.state == "opening"
    c.state, c.una, c.next = "established", 0, 0
    c.news_at = c.kernel.clock.now
    c.peer_window = one.window << (0 if one.flags & SYN else c.peer_scale)
    c.widest = c.peer_window
    c.updated_at = -1
    c.rto = RTO_MIN_S + 0.05
    if c.timer is not None:
        c.timer.cancel()
        c.timer = None
    c.promised = c.expected + min(c.stack.window, 65535)
    if first:
        c._send_ack()
        c.push()
        c.on_event()
        return False
    c.on_event()
    return True


def _acceptable(c: Connection, one: Segment) -> bool:
    at = c.expected + _relative(c.far_origin + c.expected, one.seq, 0)
    end = at + one.payload_bytes + bool(one.flags & SYN) + bool(one.flags & FIN)
    stamps = one.options.timestamps if c.stamps_ok else None
    checked = stamps is not None and c.recent_known and not one.flags & RST
    if stamps is not None and checked and _relative(c.recent, stamps[0], 0) < 0:
        _answer_invalid(c, one, at, end)  # PAWS (RFC 7323 section 5)
        return False
    if end < c.told or at > max(c.promised, c.expected):
        if not one.flags & RST:
            _answer_invalid(c, one, at, end)
        return False
    if one.flags & RST:
        if at == c.expected:
            c.vanish(errno.ECONNRESET)
        else:
            _challenge(c)
        return False
    if one.flags & SYN:
        if c.stack.challenges or at < c.expected:
            _challenge(c)
        else:
            c.abort()
            c.error = errno.ECONNRESET
        return False
    if not one.flags & ACK:
        return False
    if stamps is not None and at <= c.told:
        c.recent, c.recent_known = stamps[0], True
    return True


def _answer_invalid(c: Connection, one: Segment, at: int, end: int) -> None:
    if one.flags & SYN:
        _challenge(c)
    elif one.payload_bytes:
        _send_duplicate_ack(c, at, end)
    else:
        _challenge(c)


def _challenge(c: Connection) -> None:
    """An acknowledgement to something odd: bounded in time (net.ipv4.tcp_invalid_ratelimit)."""
    now = c.kernel.clock.now
    if now >= c.invalid_answered_at + c.stack.invalid_every_s:
        c.invalid_answered_at = now
        c._send_ack()


def _send_duplicate_ack(c: Connection, at: int, end: int) -> None:
    """With a report of the duplicate, before what lies beyond a hole (RFC 2883)."""
    if c.sack_ok and end <= c.expected:
        usual = c._sack_blocks
        c._sack_blocks = lambda duplicate=None: usual((at, end))  # type: ignore[method-assign]
        try:
            c._send_ack()
        finally:
            del c._sack_blocks  # type: ignore[method-assign]
    else:
        c._send_ack()


def _acknowledge(c: Connection, one: Segment) -> bool:
    """False: the segment is not looked at further."""
    ack = c.una + _relative(c.origin + c.una, one.ack, 0)
    if ack > c.next:
        return False  # of what was never sent: ignored (RFC 9293 section 3.10.7.4; Linux answers nothing)
    if ack < c.una - max(c.widest, 1):
        _challenge(c)
        return False
    at = c.expected + _relative(c.far_origin + c.expected, one.seq, 0)
    window = one.window << c.peer_scale
    blocks = (
        [
            (c.una + _relative(c.origin + c.una, a, 0), c.una + _relative(c.origin + c.una, b, 0))
            for a, b in one.options.sack_blocks
        ]
        if c.sack_ok
        else []
    )
    blocks = [(a, b) for a, b in blocks if c.una <= max(ack, c.una) <= a < b <= c.next]
    if ack < c.una:
        _merge(c, blocks)
        return True
    widened = False
    if ack > c.una or at > c.updated_at or (at == c.updated_at and window > c.peer_window):
        widened = window != c.peer_window
        c.peer_window, c.updated_at, c.widest = window, at, max(c.widest, window)
        c.least_window = min(c.least_window, window)
    before = c.una
    if ack > c.una:
        _advance(c, ack, one.options.timestamps)
    _merge(c, blocks)
    if ack == before and c.una < c.next and not one.payload_bytes and not one.flags & FIN and not widened:
        _duplicate(c)
    elif ack == before and widened and c.una == c.next:
        c.rto = max(RTO_MIN_S, min(c.rto, 0.25))
    return True


def _advance(c: Connection, ack: int, stamps: tuple[int, int] | None) -> None:
    gone = min(ack, c.una + len(c.data)) - c.una
    del c.data[:gone]
    if c.timed is not None and ack >= c.timed[0]:
        c.rto = max(RTO_MIN_S, 2 * (c.kernel.clock.now - c.timed[1]) + RTO_MIN_S)
        c.timed = None
    elif c.stamps_ok and (took_ms := _echo_ms(c, stamps)) is not None:
        c.rto = min(2 * took_ms / 1000 + RTO_MIN_S, RTO_MAX_S)
    elif c.lost_from is None:
        c.rto = min(c.rto, 1.0)
    c.una = ack
    c.sacked = [(a, b) for a, b in c.sacked if b > ack]
    c.dupacks = 0
    c.cwnd = min(c.cwnd + c.mss, 1 << 20) if c.cwnd < c.ssthresh else c.cwnd + max(1, c.mss * c.mss // c.cwnd)
    if c.recover > 0 and ack < c.recover and c.lost_from is None:
        _resend_hole(c)  # a partial acknowledgement (RFC 6582)
    elif ack >= c.recover:
        c.recover, c.lost_from = -1, None
    if c.timer is not None:
        c.timer.cancel()
        c.timer = None
    if c.una < c.next:
        c._arm(c.rto)


def _echo_ms(c: Connection, stamps: tuple[int, int] | None) -> int | None:
    """How long ago the peer's echo was sent; it measures what was sent again, too (RFC 7323 section 4.1). An
    echo of 0 is none: what comes out of repair mode has heard no time stamp yet (tcp_ack_update_rtt)."""
    took_ms = (c._stamp() - stamps[1]) % MODULUS if stamps is not None and stamps[1] else HALF
    return took_ms if took_ms < HALF else None


def _merge(c: Connection, blocks: list[tuple[int, int]]) -> None:
    for start, end in blocks:
        joined = [(a, b) for a, b in c.sacked if a <= end and b >= start]
        c.sacked = [one for one in c.sacked if one not in joined]
        c.sacked.append((min([start, *(a for a, _ in joined)]), max([end, *(b for _, b in joined)])))
    c.sacked.sort()


def _duplicate(c: Connection) -> None:
    c.dupacks += 1
    if c.dupacks == DUPACKS and c.recover < 0:
        c.ssthresh = c.cwnd = max((c.next - c.una) // 2, 2 * c.mss)
        c.recover = c.next
        _resend_hole(c)
    elif c.dupacks > DUPACKS and c.recover > 0 and c.sacked and c.dupacks % 2:
        _resend_hole(c)


def _resend_hole(c: Connection) -> None:
    if not (c.sacked and c.sacked[0][0] <= c.una):
        c._resend(c.una)


def _data(c: Connection, one: Segment) -> None:
    at = c.expected + _relative(c.far_origin + c.expected, one.seq, 0)
    data, end = one.payload, at + one.payload_bytes
    if one.flags & FIN:
        c.far_fin = end
    if not data and not one.flags & FIN:
        return
    if c.released and end > c.expected and data:
        c.kernel.refuse(one)  # nobody reads it any more (RFC 9293 section 3.10.7.4; Linux: TCPAbortOnData)
        c.vanish(errno.ECONNRESET)
        return
    if data and end <= c.expected and not one.flags & FIN:
        _send_duplicate_ack(c, at, end)
        return
    before = c.expected
    if at > c.expected:
        if end - c.expected <= c.stack.window and all(a != at or len(d) < len(data) for a, d in c.beyond):
            c.beyond = [(a, d) for a, d in c.beyond if a != at] + ([(at, data)] if data else [])
        c._send_ack()
        return
    _take(c, data[c.expected - at :])
    while c.beyond and (found := next((one for one in c.beyond if one[0] <= c.expected), None)) is not None:
        c.beyond.remove(found)
        _take(c, found[1][c.expected - found[0] :])
    if c.far_fin == c.expected and not c.ended:
        c.expected += 1
        c.ended = True
        c.news_at = c.kernel.clock.now
        c._send_ack()
    elif c.expected == before or c.beyond or c.stack.delack_s == 0.0:
        c._send_ack()
    else:
        _acknowledge_later(c)


def _acknowledge_later(c: Connection) -> None:
    c.unacked_segments += 1
    if c.unacked_segments >= 2:
        c._send_ack()
    elif c.ack_due is None:
        c.ack_due = c.kernel.clock.after(c.stack.delack_s, c._send_ack)


def _take(c: Connection, data: bytes) -> None:
    c.inbox += data
    c.expected += len(data)


def _relative(base: int, seq: int, near: int) -> int:
    gap = (seq - base) % MODULUS
    return near + (gap - MODULUS if gap >= HALF else gap)
