"""What a client may hold beyond a hole: it counts as sent on a rebuilt connection.

Our kernel ignores an acknowledgement of bytes that it does not know as sent (RFC 9293 section 3.10.7.4). Of a
client that fills its hole and then acknowledges all that it holds, it would hear nothing more.
"""

from __future__ import annotations

from .record import ConnectionRecord
from .tcp import seq as sequence

UNSHOWN_LIMIT = 4 << 20
"""How far beyond a hole a client is assumed to hold what it does not show."""
_LEAST_BYTES = 65535
"""Some take what they hold off their window (GRUB, as Fedora builds it): it does not say how much that is."""
_SENT_AT_ONCE_SEGMENTS = 4
"""A kernel sends as many at once (RFC 5681 section 3.1), and knows them as sent."""
_HEADER_BYTES = 40
"""More than the options of a segment with data."""

SackBlocks = tuple[tuple[int, int], ...]


def shown_bytes(ack: int, blocks: SackBlocks) -> int:
    """From the client's acknowledgement to the end of the farthest block that it shows beyond a hole."""
    return max((sequence.distance(ack, right) for _left, right in blocks), default=0)


def unshown_bytes(record: ConnectionRecord, window: int, blocks: SackBlocks) -> int:
    """How many bytes after its acknowledgement a client may hold, or lack below what it holds, unshown.

    window: as the client wrote it. A client that shows blocks may hold more, farther on: the latest are
    shown, not the highest, and as many as fit (RFC 2018 sections 3 and 4). One that has agreed upon SACK and
    shows none holds none: every acknowledgement would show them (section 4). Without SACK it may hold all
    that its window allows.
    """
    ours, theirs = record.server_syn_options, record.client_syn_options
    if not window or (ours.sack and theirs.sack and not blocks):
        return 0
    scale = theirs.window_scale if ours.window_scale >= 0 and theirs.window_scale >= 0 else 0
    size = (window + (scale > 0)) << scale  # a scaled window was rounded down
    return min(max(size, _LEAST_BYTES), UNSHOWN_LIMIT)


def sent_at_once(record: ConnectionRecord, size: int) -> bool:
    """Whether so many bytes leave at once on a rebuilt connection, so that nothing needs to be assumed."""
    return size <= _SENT_AT_ONCE_SEGMENTS * (record.client_syn_options.mss - _HEADER_BYTES)
