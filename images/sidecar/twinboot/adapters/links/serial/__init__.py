"""Heartbeat links over a serial line.

link   one link: the life of its device, what is sent and what comes in
port   the device itself: found, opened and set up
"""

from .link import SerialLink, SerialSpec
from .port import resolve_device

__all__ = ["SerialLink", "SerialSpec", "resolve_device"]
