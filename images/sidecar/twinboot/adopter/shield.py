"""The packet filter around a move: nothing resets a client's connection by accident, nothing leaks.

A table of our own in nftables, with two sets of virtual addresses:

    quiet    no reset leaves from it: what comes for connections that this kernel does not have (yet)
             is not refused. While connections are being taken over, and while services start.
    frozen   no TCP leaves from it or reaches it: its connections stand still while they move away.

The table goes with close(); a table that an earlier life left is replaced at the start.
"""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import Any

from twinboot.errors import ResourceError

TABLE = "twinboot_adopter"
_RULES = f"""
add table ip {TABLE}
delete table ip {TABLE}
table ip {TABLE} {{
    set quiet {{ type ipv4_addr; }}
    set frozen {{ type ipv4_addr; }}
    chain leaving {{
        type filter hook output priority -300; policy accept;
        ip saddr @frozen meta l4proto tcp drop
        ip saddr @quiet tcp flags & rst == rst drop
    }}
    chain arriving {{
        type filter hook input priority -300; policy accept;
        ip daddr @frozen meta l4proto tcp drop
    }}
}}
"""


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

    def frozen(self, address: IPv4Address, *, on: bool) -> None:
        self._member("frozen", address, on=on)

    def close(self) -> None:
        self._run(f"add table ip {TABLE}; delete table ip {TABLE}")

    def _member(self, name: str, address: IPv4Address, *, on: bool) -> None:
        # An element is added before it is deleted, so that deleting one that is not there is no error.
        self._run(f"add element ip {TABLE} {name} {{ {address} }}")
        if not on:
            self._run(f"delete element ip {TABLE} {name} {{ {address} }}")

    def _run(self, commands: str) -> None:
        code, _output, error = self._nft.cmd(commands)
        if code:
            raise ResourceError("packet filter", str(error).strip().splitlines()[0] if error else "refused")
