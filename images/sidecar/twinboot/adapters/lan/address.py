"""Virtual addresses in the kernel: put with a lifetime, renewed, taken, looked at.

Owns one rtnetlink socket; used from one thread only (a call waits for the kernel, which may be busy
with other interfaces). Every verb reads the kernel's truth first and makes it so. The kernel itself
takes an address away when nobody renews it (checked: a lifetime of 3 s ends after 3.2 to 4.2 s).
"""

from __future__ import annotations

import math
import os
import socket
from collections.abc import Callable
from errno import EADDRNOTAVAIL
from ipaddress import IPv4Address, IPv4Network

from twinboot.errors import ResourceError
from twinboot.kernel import netlink, rtnetlink

_TIMEOUT_S = 2.0
_RECEIVE_BYTES = 1 << 16


class AddressTable:
    """The IPv4 addresses of this machine's interfaces."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._socket: socket.socket | None = None
        self._seq = 0

    def claim(self, interface: str, address: IPv4Address, *, lifetime_s: float, asked: float) -> None:
        """The address is on the interface for lifetime_s; on another interface it is a fault.

        asked: when the caller decided it. A claim that was carried out more than lifetime_s later (the
        process was frozen in between) is taken back at once, for by then a peer may hold the address.
        """
        index = _index(interface)
        for entry in self._list():
            if entry.address == address and entry.index != index:
                raise ResourceError(f"address {address}", f"is on {_name(entry.index)} already")
        self._put(index, interface, address, lifetime_s=lifetime_s, asked=asked)

    def renew(self, interface: str, address: IPv4Address, *, lifetime_s: float, asked: float) -> bool:
        """Give an address that is there its lifetime anew. False, and nothing done, when it is not there.

        A renewal that waited for a third of the lifetime is left out: the next one is on its way, and the
        core must first see what happened meanwhile.
        """
        index = _index(interface)
        if not any(entry.address == address and entry.index == index for entry in self._list()):
            return False
        if self._now() - asked > lifetime_s / 3:
            return True
        self._put(index, interface, address, lifetime_s=lifetime_s, asked=asked)
        return True

    def drop(self, interface: str, address: IPv4Address) -> None:
        """The address is not on the interface, with whatever prefix length it was; and where it has a
        lifetime it is on no other one either: the interface may have another name than when it was
        claimed."""
        try:
            index: int | None = _index(interface)
        except ResourceError:
            index = None
        for entry in self._list():
            if entry.address == address and (entry.index == index or entry.lifetime_s is not None):
                self._take(entry)

    def list_addresses(self, interface: str) -> frozenset[IPv4Address]:
        """The addresses on the interface; none when there is no such interface."""
        try:
            index = _index(interface)
        except ResourceError:
            return frozenset()
        return frozenset(entry.address for entry in self._list() if entry.index == index)

    def networks(self, interface: str, address: IPv4Address | None = None) -> frozenset[IPv4Network]:
        """The networks that the interface's addresses lie in, or that this one alone does."""
        try:
            index = _index(interface)
        except ResourceError:
            return frozenset()
        return frozenset(
            IPv4Network((entry.address, entry.prefix_length), strict=False)
            for entry in self._list() if entry.index == index and address in (None, entry.address)
        )

    def lifetime(self, interface: str, address: IPv4Address) -> int | None:
        """Seconds the address has left there; None when it stays for ever or is not there."""
        index = _index(interface)
        left = [e.lifetime_s for e in self._list() if e.address == address and e.index == index]
        return None if not left or None in left else left[0]

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _put(self, index: int, interface: str, address: IPv4Address, *, lifetime_s: float,
             asked: float) -> None:
        valid_s = max(1, math.ceil(lifetime_s))
        late = self._now() - asked
        if late <= lifetime_s:
            self._request(f"address {address} on {interface}", lambda seq: rtnetlink.set_address(
                seq=seq, index=index, address=address, lifetime_s=valid_s))
            late = self._now() - asked
            if late <= lifetime_s:
                return
            self.drop(interface, address)
        raise ResourceError(f"address {address} on {interface}", f"was asked for {late:.1f} s ago; too late")

    def _take(self, entry: rtnetlink.AddressEntry) -> None:
        self._request(f"address {entry.address}", lambda seq: rtnetlink.delete_address(
            seq=seq, index=entry.index, address=entry.address, prefix_length=entry.prefix_length,
        ), ignored_errno=EADDRNOTAVAIL)

    def _list(self) -> list[rtnetlink.AddressEntry]:
        return self._request("addresses", lambda seq: rtnetlink.list_addresses(seq=seq))

    def _request(
        self, resource: str, request: Callable[[int], bytes], ignored_errno: int = 0
    ) -> list[rtnetlink.AddressEntry]:
        """Send one request and read its whole answer. `fine` is an errno that is as good as success."""
        try:
            sock = self._open()
            self._seq = seq = self._seq % 0xFFFFFFFE + 1
            sock.send(request(seq))
            entries: list[rtnetlink.AddressEntry] = []
            while True:
                for message in rtnetlink.parse(sock.recv(_RECEIVE_BYTES)):
                    if isinstance(message, rtnetlink.AddressEntry) and message.seq == seq:
                        entries.append(message)
                    elif isinstance(message, rtnetlink.RequestDone) and message.seq == seq:
                        if message.errno in (0, ignored_errno):
                            return entries
                        raise ResourceError(resource, os.strerror(message.errno))
        except OSError as exc:
            self.close()
            raise ResourceError(resource, f"netlink: {exc}") from exc

    def _open(self) -> socket.socket:
        if self._socket is None:
            self._socket = netlink.open_socket(netlink.Family.ROUTE)
            self._socket.settimeout(_TIMEOUT_S)
        return self._socket


class AddressChanges:
    """A socket that becomes readable when an address went away somewhere."""

    def __init__(self) -> None:
        try:
            self._socket = netlink.open_socket(
                netlink.Family.ROUTE, groups=rtnetlink.GROUP_IPV4_ADDRESS, blocking=False)
        except OSError as exc:
            raise ResourceError("netlink changes", str(exc)) from exc

    def fileno(self) -> int:
        return self._socket.fileno()

    def removed(self) -> frozenset[IPv4Address]:
        """Addresses that went since the last call. Never waits; news that were lost are no error."""
        gone: set[IPv4Address] = set()
        try:
            while True:
                gone.update(m.address for m in rtnetlink.parse(self._socket.recv(_RECEIVE_BYTES))
                            if isinstance(m, rtnetlink.AddressRemoved))
        except OSError:
            return frozenset(gone)

    def close(self) -> None:
        self._socket.close()


def _index(interface: str) -> int:
    try:
        return socket.if_nametoindex(interface)
    except OSError as exc:
        raise ResourceError(f"interface {interface}", "is not there") from exc


def _name(index: int) -> str:
    try:
        return socket.if_indextoname(index)
    except OSError:
        return f"interface {index}"
