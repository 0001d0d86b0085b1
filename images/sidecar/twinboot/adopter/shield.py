"""The packet filter around a move: nothing resets a client's connection by accident, nothing leaks.

A table of our own in nftables, with sets of virtual addresses:

    quiet    no reset leaves from it: what comes for connections that this kernel does not have (yet)
             is not refused. While connections are being taken over, and while services start.
    mute     no "port unreachable" leaves from it: a client that repeats its last word of a TFTP download is
             heard before there is a socket for it. From a claim on, longer than clients wait.
    frozen   no TCP leaves from it or reaches it: its connections stand still while they move away.

    held     nobody is refused there by an install service that does not listen (yet, or for a moment): a SYN
             is dropped, and the client repeats it.

The first three end by themselves, in the kernel: an adopter that dies or hangs in the middle of a move leaves
nothing behind that keeps anybody from being served. The table goes with close().
"""

from __future__ import annotations

import socket
from ipaddress import IPv4Address
from typing import Any, Protocol

from twinboot.adopt.tracker import FTP_PORT, HTTP_PORT
from twinboot.errors import ResourceError

TABLE = "twinboot_adopter"
_NETLINK_NETFILTER = 12
QUIET_S = 10
"""Claim, questions and answers take 3 s at most."""
MUTE_S = 60
FROZEN_S = 3
"""From the last word of the old holder to the drop of its address: tenths of a second."""
_REFUSING = "socket transparent { 0, 1 } return; drop"
"""Is there a socket? Of this expression's kinds `transparent` alone knows those in TIME-WAIT, too."""
_RULES = f"""
table ip {TABLE} {{
    set quiet {{ type ipv4_addr; flags timeout; timeout {QUIET_S}s; }}
    set mute {{ type ipv4_addr; flags timeout; timeout {MUTE_S}s; }}
    set frozen {{ type ipv4_addr; flags timeout; timeout {FROZEN_S}s; }}
    set held {{ type ipv4_addr; }}
    chain refusing {{
        REFUSING
    }}
    chain leaving {{
        type filter hook output priority -300; policy accept;
        ip saddr @frozen meta l4proto tcp drop
        ip saddr @quiet tcp flags & rst == rst drop
        ip saddr @mute icmp type destination-unreachable icmp code port-unreachable drop
    }}
    chain arriving {{
        type filter hook input priority -300; policy accept;
        ip daddr @frozen meta l4proto tcp drop
        ip daddr @held tcp dport {{ {FTP_PORT}, {HTTP_PORT} }} tcp flags & (syn | ack) == syn jump refusing
    }}
}}
"""


class Filter(Protocol):
    """A Shield, or NoShield."""

    def quiet(self, address: IPv4Address, *, on: bool) -> None: ...
    def frozen(self, address: IPv4Address, *, on: bool) -> None: ...
    def held(self, address: IPv4Address, *, on: bool) -> None: ...
    def close(self) -> None: ...


class NoShield:
    """Where the kernel has no nftables: moves are made without it."""

    def quiet(self, address: IPv4Address, *, on: bool) -> None:
        """Nothing."""

    def frozen(self, address: IPv4Address, *, on: bool) -> None:
        """Nothing."""

    def held(self, address: IPv4Address, *, on: bool) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


class Shield:
    """Opened at once; ResourceError when this kernel, or this container, has no nftables."""

    def __init__(self) -> None:
        try:
            import nftables  # type: ignore[import-not-found]  # Debian's python3-nftables
        except ImportError as exc:
            raise ResourceError("packet filter", "python3-nftables is not installed") from exc
        _reachable()
        self._nft: Any = nftables.Nftables()
        self.lacks = ""
        """What this kernel's nftables cannot do, in words."""
        try:
            self._lay(_REFUSING)
        except ResourceError as exc:
            self._lay("")
            self.lacks = f"new connections are refused while a service starts: {exc}"

    def quiet(self, address: IPv4Address, *, on: bool) -> None:
        self._member("quiet", address, on=on)
        if on:
            self._member("mute", address, on=True)

    def frozen(self, address: IPv4Address, *, on: bool) -> None:
        self._member("frozen", address, on=on)

    def held(self, address: IPv4Address, *, on: bool) -> None:
        self._member("held", address, on=on)

    def close(self) -> None:
        self._run(f"add table ip {TABLE}; delete table ip {TABLE}")

    def _lay(self, refusing: str) -> None:
        """Our rules in the place of an earlier life's; what is in its sets stays, if they are like ours."""
        rules = _RULES.replace("REFUSING", refusing)
        try:
            self._run(f"add table ip {TABLE}; flush table ip {TABLE}; {rules}")
        except ResourceError:
            self._run(f"add table ip {TABLE}; delete table ip {TABLE}; {rules}")

    def _member(self, name: str, address: IPv4Address, *, on: bool) -> None:
        # Added before it is deleted, so that deleting one that is not there is no error; and deleted before
        # it is added, so that its time begins anew.
        there = f"add element ip {TABLE} {name} {{ {address} }};"
        self._run(f"{there} delete element ip {TABLE} {name} {{ {address} }};" + there * on)

    def _run(self, commands: str) -> None:
        code, _output, error = self._nft.cmd(commands)
        if code:
            raise ResourceError("packet filter", str(error).strip().splitlines()[0] if error else "refused")


def _reachable() -> None:
    """libnftables ends the process when it cannot open its socket: so this is tried before."""
    try:
        socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_NETFILTER).close()
    except OSError as exc:
        raise ResourceError("packet filter", f"nftables: {exc.strerror}") from exc
