"""Finds the subnet of an address without going through all of them, and reverse zones of subnets.

Owns arithmetic on networks; knows nothing of files or faults.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv4Network
from typing import Generic, TypeVar

K = TypeVar("K")


class SubnetIndex(Generic[K]):
    """Networks that do not overlap, sorted. Of two that do, the wider one counts."""

    def __init__(self, networks: Iterable[tuple[K, IPv4Network]]) -> None:
        self.overlaps: list[tuple[K, K]] = []
        self._sorted: list[tuple[int, int, K]] = []
        ends = [(int(net.network_address), int(net.broadcast_address), key) for key, net in networks]
        for first, last, key in sorted(ends, key=lambda item: (item[0], -item[1])):
            if self._sorted and first <= self._sorted[-1][1]:
                self.overlaps.append((self._sorted[-1][2], key))
            else:
                self._sorted.append((first, last, key))
        self._firsts = [first for first, _, _ in self._sorted]

    def find(self, address: IPv4Address) -> K | None:
        """Key of the network an address lies in."""
        at = bisect_right(self._firsts, int(address)) - 1
        if at >= 0 and int(address) <= self._sorted[at][1]:
            return self._sorted[at][2]
        return None


def reverse_networks(network: IPv4Network) -> Iterator[IPv4Network]:
    """The networks on octet boundaries whose reverse zones hold this one's addresses.

    A network longer than /24 widens to its /24 (no RFC 2317 delegation within it); one between two octet
    boundaries is cut at the next one, so that the site never claims addresses that are not its own.
    """
    if network.prefixlen >= 24:
        yield network.supernet(new_prefix=24)
    else:
        yield from network.subnets(new_prefix=-(-network.prefixlen // 8) * 8)


def reverse_zone(network: IPv4Network) -> str:
    """192.168.0.0/24 -> 0.168.192.in-addr.arpa (RFC 1035 section 3.5)."""
    octets = str(network.network_address).split(".")[: network.prefixlen // 8]
    return ".".join(reversed(octets)) + ".in-addr.arpa"
