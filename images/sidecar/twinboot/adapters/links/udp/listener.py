"""One peer on one link, as far as it is heard: a connected socket and the reading of it.

Owns how much is read when. A datagram that comes in peace is read at once. In a flood (which only
somebody with the peer's own address can send here) the listener rests between batches: waking for every
datagram would cost more than reading it, and a resting listener takes no part of the processor.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from . import sockets

MAX_PER_TURN = 256
"""Read in one turn of the loop at most: a flood may fill a listener, it may not starve the timer."""
FLOOD_PAUSE_S = 0.004
_FLOOD_ABOVE = 40
_WINDOW_S = 0.1
"""More than 40 in 0.1 s is a flood: a peer in distress sends 20 a second, a stream some more."""
STALE_S = 1.0
"""What lay in the buffer for longer is dropped: after a sleep it tells of a world that has gone."""


class Listener:
    """Hears from construction on. broken: called with an error that needs a new socket."""

    def __init__(self, sock: socket.socket, deliver: Callable[[bytes], None],
                 on_broken: Callable[[OSError], None]) -> None:
        self._socket = sock
        self._deliver = deliver
        self._on_broken = on_broken
        self._loop = asyncio.get_running_loop()
        self._pause_timer: asyncio.TimerHandle | None = None
        self._window_end = 0.0
        self._in_window = 0
        self.stale = 0
        self._empty_at = self._loop.time()
        """When it was last seen that nothing more lies in the socket."""
        self._resume()

    @property
    def overflowed(self) -> int:
        """Datagrams for which there was no room."""
        return sockets.dropped(self._socket)

    def close(self) -> None:
        if self._pause_timer is not None:
            self._pause_timer.cancel()
        self._loop.remove_reader(self._socket.fileno())
        self._socket.close()

    def _resume(self) -> None:
        self._pause_timer = None
        self._loop.add_reader(self._socket.fileno(), self._readable)

    def _readable(self) -> None:
        count = 0
        while count < MAX_PER_TURN and self._receive_one():
            count += 1
        now = self._loop.time()
        if now >= self._window_end:
            self._window_end, self._in_window = now + _WINDOW_S, 0
        self._in_window += count
        if self._in_window > _FLOOD_ABOVE and self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket.fileno())
            self._pause_timer = self._loop.call_later(FLOOD_PAUSE_S, self._resume)

    def _receive_one(self) -> bool:
        """Read and deliver one datagram; False when there is none, or no socket any more."""
        try:
            data, age_s = sockets.receive(self._socket)
        except (BlockingIOError, ConnectionRefusedError):
            # Refused: an ICMP message says that nobody listens there now. Or somebody forged it.
            self._empty_at = self._loop.time()
            return False
        except OSError as exc:
            # For example ENETDOWN, reported once when the interface goes down.
            self._on_broken(exc)
            return False
        if self._lain_s(age_s) > STALE_S:
            self.stale += 1
        else:
            self._deliver(data)
        return self._socket.fileno() >= 0

    def _lain_s(self, stamped_s: float) -> float:
        """For how long a datagram has lain there at most. The kernel stamps it by the time of day, which may
        have been set since (clock_settime(2)): then the stamp says nothing, and it came after _empty_at."""
        longest_s = self._loop.time() - self._empty_at
        return min(stamped_s, longest_s) if stamped_s >= 0 else longest_s
