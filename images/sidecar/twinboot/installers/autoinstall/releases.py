"""Releases of Ubuntu whose live server media install by autoinstall.

Sources: Subiquity's "Autoinstall configuration reference manual", cloud-init's NoCloud data source.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...site.model.site import Profile

_CODENAMES = {
    "ubuntu20.04": "focal", "ubuntu22.04": "jammy", "ubuntu24.04": "noble", "ubuntu26.04": "resolute",
}  # fmt: skip
NAMES = tuple(_CODENAMES)


@dataclass(frozen=True, slots=True)
class Release:
    """By the name that `version:` of a profile gives it."""

    name: str

    @property
    def codename(self) -> str:
        """As `dists` of an archive has it."""
        return _CODENAMES[self.name]

    @property
    def number(self) -> float:
        return float(self.name.removeprefix("ubuntu"))

    @property
    def data_source(self) -> str:
        """The name of NoCloud's data from the network: cloud-init knows `nocloud` for both since 23.3."""
        return "nocloud-net" if self.number < 24 else "nocloud"

    @property
    def tries_mirrors(self) -> bool:
        """Does its apt section take several archives (Subiquity 23.02)?"""
        return self.number >= 24

    @property
    def falls_back(self) -> bool:
        """Does its apt section take a way out when there is no archive? Media of 22.04 do from 22.04.3 on;
        older ones leave it aside."""
        return self.number >= 22


def release_of(profile: Profile) -> Release:
    """Release of a checked site's profile."""
    return Release(profile.checked_version)
