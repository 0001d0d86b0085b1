"""Heartbeat links over a serial line.

link  One heartbeat link over a serial line: 8N1, no flow control, to the one server at its other end
port  A serial port: found, opened and set up; and why it could not be, in words (tty(4), termios(3))
"""

from .link import SerialLink, SerialSpec
from .port import resolve_device

__all__ = ["SerialLink", "SerialSpec", "resolve_device"]
