"""What the kernel says of one interface: netdevice(7), asked by any socket.

None of the calls waits for the lock that Docker holds while it makes interfaces. All raise OSError when there
is no interface of this name.
"""

from __future__ import annotations

import fcntl
import socket
import struct

_SIOCGIFFLAGS, _SIOCGIFHWADDR, _SIOCGIFINDEX = 0x8913, 0x8927, 0x8933
_IFF_UP, _IFF_RUNNING = 0x1, 0x40
_ARPHRD_ETHER = 1
_REQUEST = struct.Struct("16s24x")
"""struct ifreq: the name, and room for the answer behind it."""


def interface_index(sock: socket.socket, interface: str) -> int:
    """Its number in this kernel."""
    return int(struct.unpack_from("16xi", _ask(sock, interface, _SIOCGIFINDEX))[0])


def has_carrier(sock: socket.socket, interface: str) -> bool:
    """Up and with carrier; without it the kernel takes frames and throws them away."""
    flags: int = struct.unpack_from("16xH", _ask(sock, interface, _SIOCGIFFLAGS))[0]
    return flags & (_IFF_UP | _IFF_RUNNING) == _IFF_UP | _IFF_RUNNING


def interface_mac(sock: socket.socket, interface: str) -> bytes:
    """Its hardware address; empty when it is not an Ethernet interface."""
    kind, mac = struct.unpack_from("16xH6s", _ask(sock, interface, _SIOCGIFHWADDR))
    return bytes(mac) if kind == _ARPHRD_ETHER else b""


def _ask(sock: socket.socket, interface: str, request: int) -> bytes:
    return fcntl.ioctl(sock, request, _REQUEST.pack(interface.encode()))
