"""A serial port: found, opened and set up; and why it could not be, in words (tty(4), termios(3))."""

from __future__ import annotations

import errno
import fcntl
import os
import termios
from pathlib import Path

_MAX_SYMLINKS = 8
_REASONS = {
    errno.ENOENT: "no such device",
    errno.ENOTDIR: "no such device",
    errno.ENOTTY: "not a serial port",
    errno.EIO: "no serial port behind this device",
    errno.ENXIO: "no serial port behind this device",
    errno.EPERM: "the container may not use this device",
    errno.EAGAIN: "another process uses it",
    errno.EBUSY: "another process uses it",
}


def reason_of(exc: OSError) -> str:
    """Reason of a fault, for a person."""
    return _REASONS.get(exc.errno or 0) or exc.strerror or str(exc)


def resolve_device(dev: Path, device: str) -> Path:
    """Where the server's `device` (/dev/ttyS0) is seen when its /dev is seen at `dev`.

    Links are followed here: one that names its target from the root means the server's root.
    """
    path = Path(device)
    for _ in range(_MAX_SYMLINKS):
        seen = dev / path.relative_to("/dev") if path.is_relative_to("/dev") else path
        if not seen.is_symlink():
            return seen
        path = Path(os.path.normpath(path.parent / seen.readlink()))
    raise OSError(errno.ELOOP, "too many links")


def open_port(path: Path, speed: int) -> int:
    """The device, set up. O_NOCTTY: a hangup of the line must not become a signal to us."""
    fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        _set_up(fd, speed)
        # The lock of an open file: a second agent on this server would take half of the bytes.
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        termios.tcflush(fd, termios.TCIOFLUSH)
    except termios.error as exc:
        os.close(fd)
        raise OSError(*exc.args) from exc
    except OSError:
        os.close(fd)
        raise
    return fd


def _set_up(fd: int, speed: int) -> None:
    """Raw bytes, 8N1, no flow control, modem lines ignored (termios(3)).

    Without CLOCAL a cable of three wires would look like a modem that never answers. VMIN 1: a read
    without data is EAGAIN, so that 0 bytes mean a hangup.
    """
    code = getattr(termios, f"B{speed}")
    incoming, control = termios.IGNBRK | termios.IGNPAR, termios.CS8 | termios.CREAD | termios.CLOCAL
    chars = termios.tcgetattr(fd)[6]
    chars[termios.VMIN], chars[termios.VTIME] = 1, 0
    termios.tcsetattr(fd, termios.TCSANOW, [incoming, 0, control, 0, code, code, chars])
    # tcsetattr(3) is content when any of the changes could be made.
    if termios.tcgetattr(fd)[5] != code:
        raise OSError(errno.EINVAL, f"the port cannot do {speed} bit/s")
