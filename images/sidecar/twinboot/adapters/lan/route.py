"""The route to the clients' network: there, or put back; and whether the kernel answers ARP there.

An address flush, a network restart or `ip route flush` takes it away. Then nobody on the LAN gets an answer,
though addresses, carrier and ARP are as ever.
"""

from __future__ import annotations

import errno
import os
import socket
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from twinboot.errors import ResourceError
from twinboot.kernel import netlink, rtnetlink

_TIMEOUT_S = 2.0
_RECEIVE_BYTES = 1 << 16
_NO_ROUTE = (errno.ENETUNREACH, errno.EHOSTUNREACH)
_SYSCTLS = Path("/proc/sys/net/ipv4/conf")
_NOT_ANSWERED = range(2, 9)
"""Values of arp_ignore (ip-sysctl): 2 and 8 leave a /32 unanswered, 3 does not, 4 to 7 are reserved."""


class LanRoute:
    """own: this server's address on the interface, which the kernel's own route to the network goes with.

    Every verb waits for the kernel, which may be busy with other interfaces: for a thread of its own.
    """

    def __init__(self, interface: str, network: IPv4Network, own: IPv4Address) -> None:
        self._interface, self._network, self._own = interface, network, own
        hosts = (network.broadcast_address - 1, network.network_address + 1)
        self._target = next((host for host in hosts if host != own), own)

    def there(self) -> bool:
        """Hosts of the network are asked for on a link, whichever it is. ResourceError."""
        found, code = self._request(rtnetlink.get_route(seq=1, target=self._target))
        if code and code not in _NO_ROUTE:
            raise ResourceError(self._name(), os.strerror(code))
        return found is not None and found.direct

    def put_back(self) -> None:
        """The route that the kernel makes when the address is put on the interface. ResourceError."""
        try:
            index = socket.if_nametoindex(self._interface)
        except OSError as exc:
            raise ResourceError(self._name(), f"there is no interface {self._interface}") from exc
        _, code = self._request(
            rtnetlink.put_link_route(seq=1, index=index, network=self._network, source=self._own))
        if code == errno.EINVAL:
            raise ResourceError(self._name(), f"{self._own} is not on {self._interface}")
        if code not in (0, errno.EEXIST):
            raise ResourceError(self._name(), os.strerror(code))

    def _request(self, request: bytes) -> tuple[rtnetlink.RouteFound | None, int]:
        """What was found, and the errno of the answer."""
        found: rtnetlink.RouteFound | None = None
        try:
            with netlink.open_socket(netlink.Family.ROUTE) as sock:
                sock.settimeout(_TIMEOUT_S)
                sock.send(request)
                while True:
                    for one in rtnetlink.parse(sock.recv(_RECEIVE_BYTES)):
                        if isinstance(one, rtnetlink.RequestDone):
                            return found, one.errno
                        if isinstance(one, rtnetlink.RouteFound):
                            found = one
        except OSError as exc:
            raise ResourceError(self._name(), f"netlink: {exc}") from exc

    def _name(self) -> str:
        return f"route to {self._network} on {self._interface}"


def ignores_arp(interface: str) -> str:
    """The setting by which the kernel does not answer ARP for a virtual address (a /32); empty: it answers.

    The larger of the interface's value and that of `all` counts.
    """
    for name in ("all", interface):
        try:
            value = int((_SYSCTLS / name / "arp_ignore").read_text())
        except (OSError, ValueError):
            continue
        if value in _NOT_ANSWERED and value != 3:
            return f"net.ipv4.conf.{name}.arp_ignore={value}"
    return ""
