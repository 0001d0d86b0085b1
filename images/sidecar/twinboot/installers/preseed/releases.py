"""Releases of Debian and what differs between their installers.

Sources: the packages of the releases themselves (apt, apt-setup-udeb, choose-mirror).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...site.model.site import Profile

_CODENAMES = {"debian11": "bullseye", "debian12": "bookworm", "debian13": "trixie"}
NAMES = tuple(_CODENAMES)


@dataclass(frozen=True, slots=True)
class Release:
    """By the name that `version:` of a profile gives it."""

    name: str

    @property
    def codename(self) -> str:
        """As `dists` of its trees has it."""
        return _CODENAMES[self.name]

    @property
    def number(self) -> int:
        return int(self.name.removeprefix("debian"))

    @property
    def components(self) -> tuple[str, ...]:
        """Components beside `main` that its installer asks about."""
        return ("contrib", "non-free", *(("non-free-firmware",) if self.number >= 12 else ()))

    @property
    def takes_ftp(self) -> bool:
        """Can its apt fetch by FTP? apt 3 has no method for it any more."""
        return self.number < 13


def release_of(profile: Profile) -> Release:
    """Release of a checked site's profile."""
    return Release(profile.checked_version)
