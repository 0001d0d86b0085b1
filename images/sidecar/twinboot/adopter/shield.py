"""The packet filter around a move: nothing resets a client's connection by accident, nothing leaks.

A table of our own in nftables, with three sets of virtual addresses:

    quiet    no reset leaves from it: what comes for connections that this kernel does not have (yet)
             is not refused. While connections are being taken over, and while services start.
    mute     no "port unreachable" leaves from it: a client that repeats its last word of a TFTP download is
             heard before there is a socket for it. From a claim on, longer than clients wait.
    frozen   no TCP leaves from it or reaches it: its connections stand still while they move away.

All end by themselves, in the kernel: an adopter that dies or hangs in the middle of a move leaves nothing
behind. The table goes with close(); a table that an earlier life left is replaced at the start.
"""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import Any, Protocol

from twinboot.errors import ResourceError

TABLE = "twinboot_adopter"
QUIET_S = 10
"""Claim, questions and answers take 3 s at most."""
MUTE_S = 60
FROZEN_S = 3
"""From the last word of the old holder to the drop of its address: tenths of a second."""
_RULES = f"""
add table ip {TABLE}
delete table ip {TABLE}
table ip {TABLE} {{
    set quiet {{ type ipv4_addr; flags timeout; timeout {QUIET_S}s; }}
    set mute {{ type ipv4_addr; flags timeout; timeout {MUTE_S}s; }}
    set frozen {{ type ipv4_addr; flags timeout; timeout {FROZEN_S}s; }}
    chain leaving {{
        type filter hook output priority -300; policy accept;
        ip saddr @frozen meta l4proto tcp drop
        ip saddr @quiet tcp flags & rst == rst drop
        ip saddr @mute icmp type destination-unreachable icmp code port-unreachable drop
    }}
    chain arriving {{
        type filter hook input priority -300; policy accept;
        ip daddr @frozen meta l4proto tcp drop
    }}
}}
"""


class Filter(Protocol):
    """A Shield, or NoShield."""

    def quiet(self, address: IPv4Address, *, on: bool) -> None: ...
    def frozen(self, address: IPv4Address, *, on: bool) -> None: ...
    def close(self) -> None: ...


class NoShield:
    """Where the kernel has no nftables: moves are made without it."""

    def quiet(self, address: IPv4Address, *, on: bool) -> None:
        """Nothing."""

    def frozen(self, address: IPv4Address, *, on: bool) -> None:
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
        self._nft: Any = nftables.Nftables()
        self._run(_RULES)

    def quiet(self, address: IPv4Address, *, on: bool) -> None:
        self._member("quiet", address, on=on)
        if on:
            self._member("mute", address, on=True)

    def frozen(self, address: IPv4Address, *, on: bool) -> None:
        self._member("frozen", address, on=on)

    def close(self) -> None:
        self._run(f"add table ip {TABLE}; delete table ip {TABLE}")

    def _member(self, name: str, address: IPv4Address, *, on: bool) -> None:
        # Added before it is deleted, so that deleting one that is not there is no error; and deleted before
        # it is added, so that its time begins anew.
        there = f"add element ip {TABLE} {name} {{ {address} }};"
        self._run(f"{there} delete element ip {TABLE} {name} {{ {address} }};" + there * on)

    def _run(self, commands: str) -> None:
        code, _output, error = self._nft.cmd(commands)
        if code:
            raise ResourceError("packet filter", str(error).strip().splitlines()[0] if error else "refused")
