"""Heartbeat links over UDP.

link            One heartbeat link over UDP: a socket on one interface and address, to every peer's address
                there
listener        One peer on one link, as far as it is heard: a connected socket and the reading of it
sockets         Sockets of a link: how they are made and what the kernel says of them
unknown_servers Addresses of servers that speak for the cluster, but that this server's site file does not
                name
"""

from .link import UdpLink
from .sockets import UdpSpec, in_use

__all__ = ["UdpLink", "UdpSpec", "in_use"]
