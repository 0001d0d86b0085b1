"""Heartbeat links over UDP.

link   one link: to every peer on one interface, for as long as the agent lives
listener    the receiving socket of one peer on one link, and how it bears a flood
plain  sockets, their options and counters
"""

from .link import UdpLink
from .sockets import UdpSpec, in_use

__all__ = ["UdpLink", "UdpSpec", "in_use"]
