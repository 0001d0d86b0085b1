"""nftables by its library (libnftables-json(5); nft(8) has the language): commands in, counters out.

What the rules say is their owner's business. One object is one netlink socket: tables that it makes with
`flags owner` (Linux 5.12) go with it, and no other process can change or flush them.
"""

from __future__ import annotations

import json
from typing import Any

from twinboot.errors import ResourceError

from . import netlink


class Nftables:
    """For one thread. ResourceError when this kernel or container has no nftables."""

    def __init__(self) -> None:
        try:
            import nftables  # type: ignore[import-not-found]  # Debian's python3-nftables
        except ImportError as exc:
            raise ResourceError("packet filter", "python3-nftables is not installed") from exc
        _check_netfilter()
        self._library: Any = nftables.Nftables()

    def run(self, commands: str) -> None:
        """All of them, or none: one transaction. ResourceError with the first line of what was refused."""
        code, _output, error = self._library.cmd(commands)
        if code:
            raise ResourceError("packet filter", str(error).strip().splitlines()[0] if error else "refused")

    def packets(self, family: str, table: str) -> dict[str, int]:
        """How many packets each named counter of a table has counted."""
        self._library.set_json_output(True)
        try:
            code, output, error = self._library.cmd(f"list counters table {family} {table}")
        finally:
            self._library.set_json_output(False)
        if code:
            raise ResourceError("packet filter", str(error).strip().splitlines()[0] if error else "refused")
        found = (one["counter"] for one in json.loads(output)["nftables"] if "counter" in one)
        return {counter["name"]: counter["packets"] for counter in found}


def _check_netfilter() -> None:
    """Try to open a netfilter socket first: libnftables exits the process when it cannot."""
    try:
        netlink.open_socket(netlink.Family.NETFILTER).close()
    except OSError as exc:
        raise ResourceError("packet filter", f"nftables: {exc.strerror}") from exc
