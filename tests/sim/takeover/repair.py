"""TCP_REPAIR on a socket of the model kernel: what a takeover sets before the connection goes on."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .tcp import Connection

TCP_REPAIR, _TCP_REPAIR_QUEUE, _TCP_QUEUE_SEQ = 19, 20, 21
_TCP_REPAIR_OPTIONS, _TCP_TIMESTAMP, _TCP_REPAIR_WINDOW = 22, 24, 29
RECEIVE_QUEUE, SEND_QUEUE = 1, 2
_OPTION_MSS, _OPTION_WINDOW, _OPTION_SACK, _OPTION_TIMESTAMP = 2, 3, 4, 8


class Repair:
    """What is set in repair mode (tcp(7); linux/tcp.h; net/ipv4/tcp.c, tcp_repair_options_est)."""

    def __init__(self) -> None:
        self._queue = 0
        self.starts = {SEND_QUEUE: 0, RECEIVE_QUEUE: 0}

    def set(self, conn: Connection | None, option: int, value: Any, now: float) -> None:
        if option == _TCP_REPAIR_QUEUE:
            self._queue = value
        elif option == _TCP_QUEUE_SEQ:
            self.starts[self._queue] = struct.unpack("@I", value)[0]
        elif option == _TCP_REPAIR_OPTIONS and conn is not None:
            self._agree(conn, dict(struct.iter_unpack("@II", value)))
        elif option == _TCP_TIMESTAMP and conn is not None:
            conn.clock_offset = (struct.unpack("@I", value)[0] - int(now * 1000)) % (1 << 32)
        elif option == _TCP_REPAIR_WINDOW and conn is not None:
            updated, window, widest, own, _told = struct.unpack("@IIIII", value)
            conn.updated_at = (updated - conn.far_origin + (1 << 31)) % (1 << 32) - (1 << 31)
            conn.peer_window, conn.widest, conn.promised = window, widest, own

    @staticmethod
    def _agree(conn: Connection, options: dict[int, int]) -> None:
        """Without the option of the window's scales the kernel keeps the one that connect() has chosen, of
        which the peer knows nothing."""
        if _OPTION_WINDOW in options:
            conn.peer_scale, conn.own_scale = options[_OPTION_WINDOW] & 0xFFFF, options[_OPTION_WINDOW] >> 16
        conn.sack_ok, conn.stamps_ok = _OPTION_SACK in options, _OPTION_TIMESTAMP in options
        conn.mss = options[_OPTION_MSS] - (12 if conn.stamps_ok else 0)
        conn.cwnd = 10 * conn.mss
