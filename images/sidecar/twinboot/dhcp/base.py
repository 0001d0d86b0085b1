"""What a DHCP engine kind is to the rest of Twinboot.

Owns the interface; each kind is a folder beside this file that implements and registers it. Nothing else asks
which kind it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ..daemons import Daemon

if TYPE_CHECKING:
    from ..planning.plan import SitePlan
    from .lease import DhcpLease


class Fill(Protocol):
    """render.templates.Templates.fill."""

    def __call__(self, template: str, **values: Any) -> str: ...


class LeaseFile(Protocol):
    """An engine's lease file. Waits for the disk; errors.ResourceError names the file.

    While the engine runs, the file is its own and is only read. read() is called whenever the folder changes,
    and once more after the engine has stopped; write() is called before it starts, and never while it runs.
    """

    def read(self) -> list[DhcpLease]:
        """What it says since the last call, in its order, and all of it when the file is another one. epoch
        is 0 in each."""
        ...

    def write(self, leases: Iterable[DhcpLease]) -> None:
        """These in the file's place, and whatever else the engine needs so that it starts with exactly
        these."""
        ...

    def close(self) -> None: ...


class DhcpEngine(Protocol):
    """One DHCP engine kind. All but its lease file is pure."""

    @property
    def name(self) -> str:
        """Name of the engine's folder, and of its extension of a lease."""
        ...

    @property
    def daemon(self) -> Daemon:
        """The daemon that runs it: service, image, folder of rendered files, and how it is probed
        (daemons.Probe.DHCP asks any DHCP server)."""
        ...

    @property
    def reserved_host_names(self) -> tuple[str, ...]:
        """Names that its configuration uses itself: no host may have one."""
        ...

    @property
    def templates(self) -> tuple[str, ...]:
        """Templates that its files are made of, below the template directories."""
        ...

    @property
    def checker(self) -> tuple[str, ...]:
        """A command of its image that fails for rendered files that it would refuse: the tests run it, with
        the files below /etc/twinboot/current."""
        ...

    def files(self, plan: SitePlan, server: str, fill: Fill) -> Mapping[str, str]:
        """Its files on a server, guard included: path below the rendered folder -> text."""
        ...

    def lease_file(self, folder: Path) -> LeaseFile:
        """Its lease file in the folder that it shares with the sidecar."""
        ...
