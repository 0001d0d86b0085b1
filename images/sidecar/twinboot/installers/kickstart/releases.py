"""Releases whose kickstart commands or kernel arguments differ; the names are pykickstart's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...site.model.site import Profile

NAMES = (
    "RHEL5", "RHEL6", "RHEL7", "RHEL8", "RHEL9", "RHEL10",
    "F38", "F39", "F40", "F41", "F42", "F43", "F44", "F45",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Release:
    """One of NAMES."""

    name: str

    @property
    def rhel(self) -> int | None:
        """Major release of Red Hat Enterprise Linux and its rebuilds; None for Fedora."""
        return int(self.name[4:]) if self.name.startswith("RHEL") else None

    @property
    def takes_mirrors(self) -> bool:
        """Does its installer know inst.ks.all and inst.stage2.all (Anaconda 28; in RHEL since 7.5)?"""
        return self.rhel is None or self.rhel >= 7

    @property
    def reads_treeinfo(self) -> bool:
        """Does its installer find its second stage by .treeinfo (RHEL 7 and later)?"""
        return self.rhel is None or self.rhel >= 7

    @property
    def uses_dracut(self) -> bool:
        """Is its installer's network set up by dracut or nm-initrd-generator (RHEL 7 and later)?"""
        return self.rhel is None or self.rhel >= 7

    @property
    def knows_onerror(self) -> bool:
        """Does its installer know the section %onerror?"""
        return self.rhel is None or self.rhel >= 8

    @property
    def ends_sections(self) -> bool:
        """Does a section end with %end (all but RHEL 5)?"""
        return self.rhel != 5


def release_of(profile: Profile) -> Release:
    """Release of a checked site's profile."""
    return Release(profile.checked_version)
