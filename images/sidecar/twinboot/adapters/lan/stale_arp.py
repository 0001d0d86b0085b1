"""Frames of clients whose ARP entry for a virtual address is stale: to the hardware address of a server that
does not hold it any more.

    silent_peers  A peer that receives nothing now. The interface takes in frames to its hardware address
                  (PACKET_MR_UNICAST), and the kernel treats those for a virtual address as its own, if it has
                  that address (`fib daddr type local`).
    moved         Virtual addresses that a live peer holds. What reaches us for one is sent on to that peer,
                  unless the address is here after all, or the frame came from a peer: so no frame is sent on
                  twice.

Which address is here is the kernel's own truth, so a claim or a release of an address changes nothing in the
rules. Owns the table, its rules and counters, and one packet socket. The table belongs to this process
(`flags owner`): it goes when the process ends, however it ends, and no `flush ruleset` of others removes it.
leave() alone puts rules in its place that send on what comes for an address handed over, for PARTING_S.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import Protocol

from twinboot.errors import ResourceError
from twinboot.kernel.nftables import Nftables
from twinboot.kernel.packet_socket import open_packet_socket, receive_frames_for

TABLE = "twinboot_lan"
PARTING_S = 600
"""Longer than a client reads one file; some clients ask for the address anew only with the next one."""
_TABLE = f"""
table netdev {TABLE} {{
    OWNER
    set addresses {{ type ipv4_addr; elements = {{ ADDRESSES }}; }}
    set peers {{ type ether_addr; }}
    set silent_peers {{ type ether_addr; }}
    set moved {{ type ipv4_addr; flags timeout; }}
    map holders {{ type ipv4_addr : ipv4_addr; }}
    counter accepted {{ }}
    counter forwarded {{ }}
    chain ingress {{
        type filter hook ingress device "INTERFACE" priority -500; policy accept;
        meta pkttype other ether daddr @silent_peers arp daddr ip @addresses meta pkttype set host accept
        ip daddr != @addresses accept
        meta pkttype other ether daddr @silent_peers ip daddr @addresses fib daddr type local \\
            counter name accepted meta pkttype set host accept
        FORWARD
    }}
}}
"""
_FORWARD = """
        meta pkttype host ip daddr @moved ether saddr != @peers fib daddr type != local \\
            counter name forwarded fwd ip to ip daddr map @holders device "INTERFACE"
"""


@dataclass(frozen=True, slots=True)
class Diversion:
    """What shall be done now. peers: every peer's hardware address. silent_peers: those of them whose frames
    are taken in. holders: by virtual address, the own address of the peer that holds it."""

    peers: frozenset[bytes] = frozenset()
    silent_peers: frozenset[bytes] = frozenset()
    holders: Mapping[IPv4Address, IPv4Address] = field(default_factory=dict)


class PacketFilter(Protocol):
    """kernel.nftables.Nftables, or a stand-in."""

    def run(self, commands: str) -> None: ...
    def packets(self, family: str, table: str) -> dict[str, int]: ...


class StaleArpRules:
    """For one thread; nothing is done before the first apply(). Verbs raise ResourceError."""

    def __init__(self, interface: str, addresses: Iterable[IPv4Address],
                 open_nftables: Callable[[], PacketFilter] = Nftables) -> None:
        self._interface = interface
        self._open_nftables = open_nftables
        self._addresses = tuple(addresses)
        self._nftables: PacketFilter | None = None
        self._socket: socket.socket | None = None
        self._index = 0
        """Index of the interface that the table is bound to; another number is another interface."""
        self._made = False
        """The table that is there is this process's."""
        self._received: set[bytes] = set()
        self._counted: dict[str, int] = {}
        self._earlier: dict[str, int] = {}
        self.missing_feature = ""
        """Why this kernel cannot send frames on; empty: it can."""

    def apply(self, diversion: Diversion) -> None:
        """Make it so; also after the interface was made anew."""
        try:
            index = _index(self._interface)
            if index != self._index:
                self._forget()
                self._install()
                self._index = index
            self._nft().run(_elements(diversion))
            self._receive(diversion.silent_peers)
        except ResourceError:
            self._forget()  # the next call begins anew
            raise

    def frames(self) -> dict[str, int]:
        """Frames since the start of this process, by what was done with them: accepted, forwarded. An error,
        too, when the interface is another one by now."""
        if self._index:
            if _index(self._interface) != self._index:
                raise ResourceError(f"interface {self._interface}", "was made anew")
            self._counted = self._nft().packets("netdev", TABLE)
        return {name: self._counted.get(name, 0) + self._earlier.get(name, 0)
                for name in ("accepted", "forwarded")}

    def leave(self, diversion: Diversion) -> None:
        """Nothing is left here, or, when there is something to send on, no more than that for PARTING_S."""
        if self._nftables is not None:
            commands = self._deletion()
            if diversion.holders and not self.missing_feature:
                commands += self._table(owner=False, forward=True) + _elements(
                    Diversion(diversion.peers, holders=diversion.holders), timeout_s=PARTING_S)
            self._nftables.run(commands)
        self._forget()
        self._made = False
        self._nftables = None

    def _nft(self) -> PacketFilter:
        if self._nftables is None:
            self._nftables = self._open_nftables()
        return self._nftables

    def _deletion(self) -> str:
        """A missing table is added first; one that has an owner cannot be, not even by its owner."""
        return f"add table netdev {TABLE}\n" * (not self._made) + f"delete table netdev {TABLE}\n"

    def _install(self) -> None:
        """With all that this kernel can do: an owner came with Linux 5.12, `fwd` is a module of its own."""
        first = ""
        for owner, forward in ((True, True), (False, True), (True, False), (False, False)):
            try:
                self._nft().run(self._deletion() + self._table(owner=owner, forward=forward))
            except ResourceError as exc:
                first = first or str(exc)
            else:
                self.missing_feature = "" if forward else first
                self._made = owner
                return
        raise ResourceError(f"frames on {self._interface}", first)

    def _table(self, *, owner: bool, forward: bool) -> str:
        text = _TABLE.replace("FORWARD", _FORWARD if forward else "").replace("OWNER", "flags owner" * owner)
        text = text.replace("ADDRESSES", ", ".join(map(str, self._addresses)))
        return text.replace("INTERFACE", self._interface)

    def _receive(self, macs: Collection[bytes]) -> None:
        try:
            if self._socket is None:
                if not macs:
                    return
                self._socket = open_packet_socket(self._interface)
            for mac in self._received - set(macs):
                receive_frames_for(self._socket, self._index, mac, on=False)
                self._received.discard(mac)
            for mac in set(macs) - self._received:
                receive_frames_for(self._socket, self._index, mac, on=True)
                self._received.add(mac)
        except OSError as exc:
            raise ResourceError(f"frames on {self._interface}", str(exc)) from exc

    def _forget(self) -> None:
        """The interface is another one, or the end has come: what was bound to it is void."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        self._received.clear()
        for name, count in self._counted.items():
            self._earlier[name] = self._earlier.get(name, 0) + count
        self._counted = {}
        self._index = 0


def _elements(diversion: Diversion, timeout_s: int = 0) -> str:
    """The commands that fill the sets: one transaction, in which no frame meets them half filled."""
    timeout = f" timeout {timeout_s}s" if timeout_s else ""
    contents = {
        "peers": [mac.hex(":") for mac in sorted(diversion.peers)],
        "silent_peers": [mac.hex(":") for mac in sorted(diversion.silent_peers)],
        "holders": [f"{address} : {holder}" for address, holder in diversion.holders.items()],
        "moved": [f"{address}{timeout}" for address in diversion.holders],
    }
    commands = [f"flush set netdev {TABLE} {name}" for name in contents if name != "holders"]
    commands.append(f"flush map netdev {TABLE} holders")
    commands += [f"add element netdev {TABLE} {name} {{ {', '.join(them)} }}"
                 for name, them in contents.items() if them]
    return "\n".join(commands) + "\n"


def _index(interface: str) -> int:
    try:
        return socket.if_nametoindex(interface)
    except OSError as exc:
        raise ResourceError(f"interface {interface}", "is not there") from exc
