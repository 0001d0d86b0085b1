"""What a DHCP engine kind is to the rest of Twinboot.

Owns the interface; each kind is a folder beside this file that implements and registers it. Nothing else asks
which kind it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

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

    A file need not hold all that a lease has: what it lacks (fields outside `holds`, other engines'
    extensions) its caller keeps and fills in (lease.taken_from_file). So read() leaves such fields at their
    defaults and invents nothing, and a lease that was written and is read again is no news.
    """

    @property
    def holds(self) -> Set[str]:
        """Those of lease.FILE_FIELDS that the file says of a lease; of an address and a state each does."""
        ...

    def read(self) -> list[DhcpLease]:
        """What it says since the last call, in its order, and all of it when the file is another one, or was
        written anew in its place. epoch is 0 in each.

        An engine whose file drops a lease that has ended tells that once, as EXPIRED or RELEASED, with the
        fields that it had; that write() left a lease out is not told. Without a file nothing is told: it is
        not the end of any lease."""
        ...

    def write(self, leases: Iterable[DhcpLease]) -> None:
        """These in the file's place, and whatever else the engine needs so that it starts with exactly
        these."""
        ...

    def close(self) -> None: ...


class DhcpEngine(Protocol):
    """One DHCP engine kind. All but its lease file is pure.

    The service is one and the same whatever engine runs in it: `dhcpd` (daemons.DHCPD), with its folder of
    rendered files, its volume and its guard, which render writes. images/dhcpd/README.md says what an image
    in its place keeps, and how an engine is added.
    """

    @property
    def name(self) -> str:
        """Name of the engine's folder, and of its extension of a lease."""
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
        """Its configuration on a server: path below the rendered folder, in daemons.DHCPD.etc -> text."""
        ...

    def lease_file(self, folder: Path) -> LeaseFile:
        """Its lease file in the folder that it shares with the sidecar."""
        ...
