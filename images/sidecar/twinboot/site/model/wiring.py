"""How a machine is wired to the network that it installs over, when one card with DHCP is not all of it.

Owns the settings; the installer kinds make kernel arguments and answers of them.
"""

from __future__ import annotations

from pydantic import Field

from .base import Model
from .fields import BondOptions, Interface


class Wiring(Model):
    """From the bottom up: a card or a bond of cards, a VLAN on it, a bridge on that. The topmost one gets the
    address."""

    interface: Interface | None = Field(
        default=None, description="the card, as the installer's kernel names it; with members: of the bond"
    )
    members: tuple[Interface, ...] = Field(default=(), description="cards of a bond; none: no bond")
    bond_options: BondOptions = Field(
        default="mode=active-backup,miimon=100", description="of the bond, as the kernel's driver names them"
    )
    vlan: int | None = Field(default=None, ge=1, le=4094, description="tag of the VLAN; none when left out")
    bridge: Interface | None = Field(default=None, description="bridge above them; none when left out")

    @property
    def base(self) -> str:
        """The card or the bond."""
        return self.interface or "bond0"

    @property
    def tagged(self) -> str:
        """The base, or the VLAN on it."""
        return self.base if self.vlan is None else f"{self.base}.{self.vlan}"

    @property
    def top(self) -> str:
        """What gets the address."""
        return self.bridge or self.tagged
