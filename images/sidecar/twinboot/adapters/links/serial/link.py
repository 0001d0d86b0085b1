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

from twinboot.core.effects import Level
from twinboot.log import say
from twinboot.wire.cluster.framing import Deframer, frame
from twinboot.wire.cluster.line_queue import Outbox

from .port import open_port, place, reason_of

log = logging.getLogger(__name__)

STALE_S = 1.5
"""The loop turns once a second at least. After a longer pause the buffer tells of a world that has gone."""
STUCK_S = 1.0
"""What has not left this long after the line should have carried it is thrown away."""
NOISY_S = 3
"""Garbage in this many seconds in a row is worth a warning; one frame that was cut short is not."""
_READ_BYTES = 4096
_RETRY_FIRST_S = 0.25
_RETRY_MOST_S = 2.0


@dataclass(frozen=True, slots=True)
class SerialSpec:
    """Where a link runs. device: as the site file names it, below /dev. speed: bit/s."""

    name: str
    device: str
    speed: int


class SerialLink:
    """A link that is open, or trying to be. `dev` is where the server's /dev is seen."""

    def __init__(
        self, spec: SerialSpec, deliver: Callable[[str, bytes], None], dev: Path = Path("/dev")
    ) -> None:
        self.spec = spec
        self.strangers = 0
        self.send_errors = 0
        self.stale = 0
        self.overflowed = 0  # a port does not say what it could not keep
        self._deliver = deliver
        self._dev = dev
        self._fd = -1
        self._frames = Deframer()
        self._outbox = Outbox(spec.speed)
        self._turned_at = 0.0
        self._retry: asyncio.TimerHandle | None = None
        self._due: asyncio.TimerHandle | None = None
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
    def overtaken(self) -> int:
        """Messages that were not sent, because a newer one came before the line was free."""
        return self._outbox.overtaken

    @property
    def garbled(self) -> int:
        """Stretches that came in and were no frame."""
        return self._frames.garbled

    def start(self) -> None:
        """Open the device, or begin to retry. Needs the running loop."""
        self._retry = None
        self._loop = asyncio.get_running_loop()
        try:
            self._fd = open_port(place(self._dev, self.spec.device), self.spec.speed)
        except OSError as exc:
            self._failed(exc)
            return
        self._frames.reset()
        self._turned_at = self._loop.time()
        self._outbox.clear(self._turned_at)
        self._loop.add_reader(self._fd, self._readable)
        if self._fault:
            say(log, Level.INFO, "link-open", link=self.spec.name, device=self.spec.device)
        self._fault = ""

    def close(self) -> None:
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        self._shut()

    def send(self, data: bytes) -> None:
        """Send to the other end when the line is free. Never waits and never raises."""
        if self.open:
            self._outbox.put(frame(data))
            self._push()

    def check(self) -> None:
        """Once a second: is it still the same device, does the line move, is what comes in sound?"""
        if not self.open:
            return
        try:
            same = os.path.samestat(os.stat(place(self._dev, self.spec.device)), os.fstat(self._fd))
        except OSError:
            same = False
        if not same:
            # An adapter that was plugged in again is another device under the same name.
            self._lose(OSError(errno.ENODEV, "the device went away"))
            return
        self._turn()
        self._unstick()
        self._judge_noise()

    # Sending ------------------------------------------------------------------------------------

    def _push(self) -> None:
        """Write what the line takes now, and come back when it takes more."""
        if self._due is not None:
            self._due.cancel()
            self._due = None
        if not self.open or not self._outbox.waiting or self._wait():
            return
        try:
            sent = os.write(self._fd, self._outbox.take())
        except BlockingIOError:
            sent = 0
        except OSError as exc:
            self.send_errors += 1
            self._lose(exc)
            return
        self._outbox.wrote(sent, self._loop.time())
        if self._outbox.begun:
            self._loop.add_writer(self._fd, self._push)
        else:
            self._loop.remove_writer(self._fd)
            self._wait()

    def _wait(self) -> bool:
        """Whether the line is busy. What waits for it then goes as soon as it should be free."""
        busy_s = self._outbox.busy_s(self._loop.time(), self._unsent())
        if busy_s > 0 and self._outbox.waiting:
            self._due = self._loop.call_later(busy_s, self._push)
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
        if self._outbox.overdue_s(now) > STUCK_S:
            self._loop.remove_writer(self._fd)
            self._flush(termios.TCOFLUSH)
            self._outbox.drop_begun(now)
            self._push()

    # Receiving ----------------------------------------------------------------------------------

    def _readable(self) -> None:
        if self._turn():
            return
        try:
            data = os.read(self._fd, _READ_BYTES)
        except BlockingIOError:
            return
        except OSError as exc:
            self._lose(exc)
            return
        if not data:
            self._lose(OSError(errno.ENODEV, "the device went away"))  # a hangup, tty(4)
            return
        for payload in self._frames.feed(data):
            self._delay_s = _RETRY_FIRST_S
            self._deliver(self.spec.name, payload)

    def _turn(self) -> bool:
        """Whether the process was away, frozen perhaps: then what lies in the buffer is dropped."""
        now = self._loop.time()
        away = now - self._turned_at > STALE_S
        self._turned_at = now
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
                say(log, Level.WARNING, "link-noisy", link=self.spec.name, device=self.spec.device,
                    remedy="same speed at both ends? a console or a login on this port?")
        else:
            if self._noisy_s >= NOISY_S:
                say(log, Level.INFO, "link-clear", link=self.spec.name, device=self.spec.device)
            self._noisy_s = 0

    # Life ---------------------------------------------------------------------------------------

    def _lose(self, exc: OSError) -> None:
        self._shut()
        self._failed(exc)

    def _failed(self, exc: OSError) -> None:
        reason = reason_of(exc)
        if not self._dev.is_dir():
            reason = "no serial ports here: TWINBOOT_SERIAL=on in compose/.env (`make up` sets it)"
        if not self._fault:
            say(log, Level.WARNING, "link-closed", link=self.spec.name, device=self.spec.device,
                reason=reason)
        self._fault = reason
        self._retry = self._loop.call_later(self._delay_s, self.start)
        self._delay_s = min(2 * self._delay_s, _RETRY_MOST_S)

    def _shut(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None
        if self.open:
            self._loop.remove_reader(self._fd)
            self._loop.remove_writer(self._fd)
            self._flush(termios.TCIOFLUSH)  # or close(2) would wait until all is sent, up to 30 s
            os.close(self._fd)
            self._fd = -1

    def _flush(self, which: int) -> None:
        with contextlib.suppress(termios.error):  # it hung up: nothing is left in it
            termios.tcflush(self._fd, which)
