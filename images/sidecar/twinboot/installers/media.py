"""What an installer kind says of a medium: is it one of its own, of which distribution, with which kernel?

Owns the words between the kinds and the import of trees. Each kind has a `media` module in its folder, which
registers a MediaKind with kinds.MEDIA; nothing else knows what the media of a distribution look like. Pure:
what is on a medium is handed in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

X86_64, AARCH64 = "x86_64", "aarch64"
_ARCHITECTURES = {"x86_64": X86_64, "amd64": X86_64, "aarch64": AARCH64, "arm64": AARCH64}
"""As uname(2) and Red Hat call them, and as Debian does."""


class UnfitError(Exception):
    """The kind knows this medium, but no machine can be installed from it; the text says why."""


class Medium(Protocol):
    """What can be asked of a medium. Paths are below it, parted by slashes, in whatever case: media lose it.

    label: of the volume; empty when it has none. one_file: is it an image, and no folder?
    """

    @property
    def label(self) -> str: ...

    @property
    def one_file(self) -> bool: ...

    def find(self, path: str) -> str | None:
        """The file as it is written there (behind links, too); None when there is none."""
        ...

    def names(self, folder: str) -> list[str]:
        """Names in a folder; none when there is no such folder."""
        ...

    def text(self, path: str) -> str:
        """Text of a small file; empty when there is none."""
        ...


@dataclass(frozen=True, slots=True)
class MediaOptions:
    """What an operator says of a medium: paths of kernel and initrds; nothing, as a rule."""

    kernel: str = ""
    initrds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognised:
    """A medium that machines can be installed from.

    distribution: as people call it. release: as `version:` of a profile has it; empty: the kind has none.
    architecture: X86_64 or AARCH64. name: proposed for the tree. notes: what an operator has to know.
    checksums: by path, `algorithm:digits`, where the kind's own files on the medium hold some.
    keep: patterns (fnmatch) of what the tree holds of the medium; none: everything. whole_as: the name under
    which the tree holds the medium itself, beside that; empty: it does not.
    """

    kind: str
    distribution: str
    release: str
    architecture: str
    name: str
    kernel: str
    initrds: tuple[str, ...]
    notes: tuple[str, ...] = ()
    checksums: Mapping[str, str] = field(default_factory=dict)
    keep: tuple[str, ...] = ()
    whole_as: str = ""


class MediaKind(Protocol):
    """How one installer kind recognises its media."""

    @property
    def name(self) -> str:
        """Name of the installer kind."""
        ...

    @property
    def looks_for(self) -> str:
        """By which files it knows its media, in a few words."""
        ...

    def recognise(self, medium: Medium, wish: MediaOptions) -> Recognised | None:
        """None: it is not one of this kind's. UnfitError: it is, but cannot be used."""
        ...


def architecture_of(word: str, distribution: str) -> str:
    """X86_64 or AARCH64, from a distribution's word for it."""
    try:
        return _ARCHITECTURES[word]
    except KeyError:
        raise UnfitError(f"{distribution} for {word or 'an unknown architecture'}: trees are for x86_64 or "
                         "aarch64") from None


def required(medium: Medium, path: str, distribution: str) -> str:
    """The file as it is written on the medium."""
    found = medium.find(path)
    if found is None:
        raise UnfitError(f"{distribution}, but without {path}: the medium is not whole")
    return found


def tree_name(*words: str) -> str:
    """A name for a tree: letters, digits and dashes, as keys of the site file are."""
    return re.sub(r"[^a-z0-9]+", "-", " ".join(words).lower()).strip("-")[:32].rstrip("-")
