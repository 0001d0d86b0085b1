"""What a fault may know of the lab it happens in. A lab has all of it; a fault needs no more of a lab."""

from __future__ import annotations

from typing import Any, Protocol

from twinlab.host.layout import Layout


class Scene(Protocol):
    """The name, networks and site of the lab, and where counters are kept that a power-off takes along."""

    name: str

    @property
    def layout(self) -> Layout: ...

    @property
    def site(self) -> dict[str, Any]: ...

    def keep_wire_bytes(self, name: str) -> None:
        """Note a server's counters before its power goes, and they with it."""
