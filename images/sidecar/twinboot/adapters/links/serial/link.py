"""One heartbeat link over a serial line: 8N1, no flow control, to the one server at its other end.

Owns the device's life: one that is missing, now or later, is a warning and a retry, never an error to
the caller. Frames are wire.cluster.framing's, what a slow line carries is wire.cluster.line_queue's.
Knows nothing of what is in the messages.
"""

from __future__ import annotations

import array
import asyncio
import contextlib
import errno
import fcntl
import logging
import os
import termios
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from twinboot.core.effects import LogLevel
from twinboot.log import log_event
from twinboot.wire.cluster.framing import Deframer, frame
from twinboot.wire.cluster.line_queue import LineQueue

from .port import open_port, reason_of, resolve_device

log = logging.getLogger(__name__)

STALE_S = 1.5
"""The loop turns once a second at least. After a longer pause the buffer tells of a world that has gone."""
STUCK_S = 1.0
"""What has not left this long after the line should have carried it is thrown away."""
NOISY_S = 3
"""Garbage in this many seconds in a row is worth a warning; one frame that was cut short is not."""
_READ_BYTES = 4096
_RETRY_FIRST_S = 0.25
_RETRY_MAX_S = 2.0


@dataclass(frozen=True, slots=True)
class SerialSpec:
    """Where a link runs. device: as the site file names it, below /dev. speed: bit/s."""

    name: str
    device: str
    speed: int


class SerialLink:
    """A link that is open, or trying to be. `dev` is where the server's /dev is seen."""

    def __init__(
        self, spec: SerialSpec, deliver: Callable[[str, bytes], object], dev: Path = Path("/dev")
    ) -> None:
        self.spec = spec
        self.unknown_senders = 0
        self.send_errors = 0
        self.stale = 0
        self.overflowed = 0  # a port does not say what it could not keep
        self._deliver = deliver
        self._dev = dev
        self._fd = -1
        self._frames = Deframer()
        self._line_queue = LineQueue(spec.speed)
        self._last_turn_at = 0.0
        self._retry: asyncio.TimerHandle | None = None
        self._send_timer: asyncio.TimerHandle | None = None
        self._delay_s = _RETRY_FIRST_S
        self._fault = ""
        self._garbled_before = 0
        self._noisy_s = 0

    @property
    def open(self) -> bool:
        return self._fd >= 0

    @property
    def fault(self) -> str:
        """Why the link is not open, or empty."""
        return self._fault

    @property
    def superseded(self) -> int:
        """Messages that were not sent, because a newer one came before the line was free."""
        return self._line_queue.superseded

    @property
    def garbled(self) -> int:
        """Stretches that came in and were no frame."""
        return self._frames.garbled

    def start(self) -> None:
        """Open the device, or begin to retry. Needs the running loop."""
        self._retry = None
        self._loop = asyncio.get_running_loop()
        try:
            self._fd = open_port(resolve_device(self._dev, self.spec.device), self.spec.speed)
        except OSError as exc:
            self._failed(exc)
            return
        self._frames.reset()
        self._last_turn_at = self._loop.time()
        self._line_queue.clear(self._last_turn_at)
        self._loop.add_reader(self._fd, self._readable)
        if self._fault:
            log_event(log, LogLevel.INFO, "link-open", link=self.spec.name, device=self.spec.device)
        self._fault = ""

    def close(self) -> None:
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        self._close_device()

    def send(self, data: bytes) -> None:
        """Send to the other end when the line is free. Never waits and never raises."""
        if self.open:
            self._line_queue.put(frame(data))
            self._push()

    def check(self) -> None:
        """Once a second: is it still the same device, does the line move, is what comes in sound?"""
        if not self.open:
            return
        try:
            same = os.path.samestat(os.stat(resolve_device(self._dev, self.spec.device)), os.fstat(self._fd))
        except OSError:
            same = False
        if not same:
            # An adapter that was plugged in again is another device under the same name.
            self._device_lost(OSError(errno.ENODEV, "the device went away"))
            return
        self._drop_stale_input()
        self._unstick()
        self._judge_noise()

    # Sending ------------------------------------------------------------------------------------

    def _push(self) -> None:
        """Write what the line takes now, and come back when it takes more."""
        if self._send_timer is not None:
            self._send_timer.cancel()
            self._send_timer = None
        if not self.open or not self._line_queue.waiting or self._line_busy():
            return
        try:
            sent = os.write(self._fd, self._line_queue.take())
        except BlockingIOError:
            sent = 0
        except OSError as exc:
            self.send_errors += 1
            self._device_lost(exc)
            return
        self._line_queue.wrote(sent, self._loop.time())
        if self._line_queue.partly_written:
            self._loop.add_writer(self._fd, self._push)
        else:
            self._loop.remove_writer(self._fd)
            self._line_busy()

    def _line_busy(self) -> bool:
        """Whether the line is busy. What waits for it then goes as soon as it should be free."""
        busy_s = self._line_queue.busy_s(self._loop.time(), self._unsent())
        if busy_s > 0 and self._line_queue.waiting:
            self._send_timer = self._loop.call_later(busy_s, self._push)
        return busy_s > 0

    def _unsent(self) -> int:
        """Bytes that the driver still has, tty_ioctl(4)."""
        count = array.array("i", [0])
        with contextlib.suppress(OSError):
            fcntl.ioctl(self._fd, termios.TIOCOUTQ, count)
        return count[0]

    def _unstick(self) -> None:
        """An adapter that hangs must not, when it wakes, send what is long out of date."""
        now = self._loop.time()
        if self._line_queue.overdue_s(now) > STUCK_S:
            self._loop.remove_writer(self._fd)
            self._flush(termios.TCOFLUSH)
            self._line_queue.drop_partial(now)
            self._push()

    # Receiving ----------------------------------------------------------------------------------

    def _readable(self) -> None:
        if self._drop_stale_input():
            return
        try:
            data = os.read(self._fd, _READ_BYTES)
        except BlockingIOError:
            return
        except OSError as exc:
            self._device_lost(exc)
            return
        if not data:
            self._device_lost(OSError(errno.ENODEV, "the device went away"))  # a hangup, tty(4)
            return
        for payload in self._frames.feed(data):
            self._delay_s = _RETRY_FIRST_S
            self._deliver(self.spec.name, payload)

    def _drop_stale_input(self) -> bool:
        """Whether the process was away, frozen perhaps: then what lies in the buffer is dropped."""
        now = self._loop.time()
        away = now - self._last_turn_at > STALE_S
        self._last_turn_at = now
        if away:
            self.stale += 1
            self._flush(termios.TCIFLUSH)
            self._frames.reset()
        return away

    def _judge_noise(self) -> None:
        garbled, self._garbled_before = self.garbled - self._garbled_before, self.garbled
        if garbled:
            self._noisy_s += 1
            if self._noisy_s == NOISY_S:
                log_event(log, LogLevel.WARNING, "link-noisy", link=self.spec.name, device=self.spec.device,
                    remedy="same speed at both ends? a console or a login on this port?")
        else:
            if self._noisy_s >= NOISY_S:
                log_event(log, LogLevel.INFO, "link-clear", link=self.spec.name, device=self.spec.device)
            self._noisy_s = 0

    # Life ---------------------------------------------------------------------------------------

    def _device_lost(self, exc: OSError) -> None:
        self._close_device()
        self._failed(exc)

    def _failed(self, exc: OSError) -> None:
        reason = reason_of(exc)
        if not self._dev.is_dir():
            reason = "no serial ports here: TWINBOOT_OVERLAY=serial.yaml in compose/.env (`make up` sets it)"
        if not self._fault:
            log_event(log, LogLevel.WARNING, "link-closed", link=self.spec.name, device=self.spec.device,
                reason=reason)
        self._fault = reason
        self._retry = self._loop.call_later(self._delay_s, self.start)
        self._delay_s = min(2 * self._delay_s, _RETRY_MAX_S)

    def _close_device(self) -> None:
        if self._send_timer is not None:
            self._send_timer.cancel()
            self._send_timer = None
        if self.open:
            self._loop.remove_reader(self._fd)
            self._loop.remove_writer(self._fd)
            self._flush(termios.TCIOFLUSH)  # or close(2) would wait until all is sent, up to 30 s
            os.close(self._fd)
            self._fd = -1

    def _flush(self, which: int) -> None:
        with contextlib.suppress(termios.error):  # it hung up: nothing is left in it
            termios.tcflush(self._fd, which)
