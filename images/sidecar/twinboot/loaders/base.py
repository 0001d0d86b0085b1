"""The interface of a boot loader kind.

Each kind is a folder beside this file that implements and registers it. No other code tests which kind it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from ..planning.plan import SitePlan


@dataclass(frozen=True, slots=True)
class Firmware:
    """Machines of one kind, and the boot file that they are offered.

    codes: processor architecture types (option 93, RFC 4578 section 2.1; IANA's list). silent: also machines
    that do not say what they are. boot_file: below the root of TFTP; the file itself is in the tftp image.
    """

    name: str
    codes: tuple[int, ...]
    boot_file: str
    silent: bool = False


class Fill(Protocol):
    """render.templates.Templates.fill."""

    def __call__(self, template: str, **values: Any) -> str: ...


class BootLoader(Protocol):
    """One boot loader kind. Pure."""

    @property
    def name(self) -> str:
        """Of its folder."""
        ...

    @property
    def firmwares(self) -> tuple[Firmware, ...]:
        """Which machines get it."""
        ...

    @property
    def reserved_arguments(self) -> tuple[str, ...]:
        """Beginnings of kernel arguments that it writes itself: a profile may not give them."""
        ...

    @property
    def templates(self) -> tuple[str, ...]:
        """Templates that its files are made of, below the template directories."""
        ...

    def probe_file(self, plan: SitePlan) -> str:
        """A file by TFTP that every server of the site has: the service probe fetches it."""
        ...

    def host_file(self, name: str) -> str:
        """The configuration of the host of this name, as DHCP option 209 names it (RFC 5071 section 4); empty
        when the loader does not know the option."""
        ...

    def files(self, plan: SitePlan, fill: Fill) -> Mapping[str, str]:
        """Its published files: path below the published folder -> text."""
        ...
