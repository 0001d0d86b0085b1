"""Segments as bytes, for what goes through the takeover process: held packets, and those that it sends."""

from __future__ import annotations

import struct

from twinboot.takeover.logic.tcp.segment import Options, Segment, ack_options, parse_segment, tcp_packet

ETHERNET = bytes(12) + b"\x08\x00"


def to_packet(one: Segment) -> bytes:
    """The IP packet of a segment."""
    return tcp_packet(
        one.source,
        one.source_port,
        one.target,
        one.target_port,
        flags=one.flags,
        seq=one.seq,
        ack=one.ack,
        window=one.window,
        options=_option_bytes(one.options),
        payload=one.payload,
    )


def from_packet(packet: bytes) -> Segment:
    found = parse_segment(ETHERNET + packet)
    assert found is not None, "the takeover process sends what is no segment"
    return found


def _option_bytes(options: Options) -> bytes:
    out = b""
    if options.mss is not None:
        out += struct.pack(">BBH", 2, 4, options.mss)
    if options.sack_permitted:
        out += bytes((1, 1, 4, 2))
    if options.window_scale is not None:
        out += bytes((1, 3, 3, options.window_scale))
    return out + ack_options(options.timestamps, options.sack_blocks)
