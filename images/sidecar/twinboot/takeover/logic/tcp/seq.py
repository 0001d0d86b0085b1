"""Arithmetic of TCP sequence numbers: modulo 2^32 (RFC 9293 section 3.4).

A stream position (how many bytes since the start) is an ordinary integer and may exceed 2^32; at() and
unwrap() translate between the two.
"""

from __future__ import annotations

MODULUS = 1 << 32
_HALF = 1 << 31


def add(seq: int, count: int) -> int:
    """The sequence number `count` bytes after `seq` (before it, when negative)."""
    return (seq + count) % MODULUS


def distance(start: int, end: int) -> int:
    """From start to end, -2^31 to 2^31 - 1: negative when end is the older one."""
    gap = (end - start) % MODULUS
    return gap - MODULUS if gap >= _HALF else gap


def before(one: int, other: int) -> bool:
    """Whether `one` is older than `other`."""
    return distance(one, other) > 0


def at(base: int, position: int) -> int:
    """The sequence number of a stream position, 0 being at `base`. Positions may exceed 2^32."""
    return (base + position) % MODULUS


def unwrap(base: int, seq: int, near: int) -> int:
    """The stream position of `seq` that is nearest to the position `near`, 0 being at `base`.

    In a file of more than 4 GiB the sequence numbers wrap, so a position known to be within 2 GiB is needed
    to resolve them. May be negative: a sequence number before the base.
    """
    return near + distance(at(base, near), seq)
