"""The kind `lpxelinux`: PXELINUX with a TCP of its own, for machines with BIOS: kernel and initrd by HTTP.

Its files are PXELINUX's, but that they name kernel and initrd by URL.
"""

from __future__ import annotations

from ipaddress import IPv4Address

from ...kinds import LOADERS
from ..base import Serves
from ..firmware import BIOS, IPXE_BIOS
from ..pxelinux.kind import Pxelinux


class Lpxelinux(Pxelinux):
    """See loaders.base.BootLoader."""

    name = "lpxelinux"
    serves = (
        Serves(BIOS, "lpxelinux.0", default=False),
        Serves(IPXE_BIOS, "lpxelinux.0", default=False),
    )
    replaces = ("pxelinux",)

    def kernel_place(self, server: IPv4Address | str, *, named: bool) -> str:
        return f"http://{server}/"


LOADERS.register(Lpxelinux())
