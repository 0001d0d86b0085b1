"""What an operator wants of a medium, and what will be done: looked at before a byte is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..installers.media import MediaOptions, Recognised
from .media.contents import shown
from .media.opening import AnyMedium, Joined, fingerprint, open_medium, recognise, wanted_files
from .media.sums import Sum, sums_of

_TOLD = 5
"""Files that are named where there are many."""


class RefusedError(Exception):
    """Nothing was published; the text says why, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOptions:
    """What an operator wants. source: of the medium. shown: its name for people. netboot: a medium that is
    laid over it. name, kind: empty: as recognised."""

    source: Path
    shown: str
    name: str = ""
    kind: str = ""
    netboot: Path | None = None
    boot: MediaOptions = field(default_factory=MediaOptions)
    replace: bool = False
    unchecked: bool = False


@dataclass(frozen=True, slots=True)
class Import:
    """What will be done. files: paths of what the tree holds of the medium. sums: by path, what the medium
    says. notes: what an operator has to know."""

    wishes: ImportOptions
    medium: AnyMedium
    recognised: Recognised
    name: str
    fingerprint: str
    files: frozenset[str]
    sums: dict[str, Sum]
    notes: tuple[str, ...]

    @property
    def size(self) -> int:
        """Bytes of the tree."""
        listed = self.medium.contents.files()
        files = (one for one in listed if one.path in self.files and not one.same_as)
        whole = self.medium.path.stat().st_size if self.recognised.whole_as else 0
        return sum(one.size for one in files) + whole


def prepare(wishes: ImportOptions, trees: Path) -> Import:
    """Looks at the medium; writes nothing. MediumError, NotRecognisedError, RefusedError."""
    base = open_medium(wishes.source, trees)
    medium = Joined(base, open_medium(wishes.netboot)) if wishes.netboot else base
    recognised = recognise(medium, wishes.boot, wishes.kind)
    left_out = (f"{shown(path)} is left out: {why}" for path, why in medium.contents.left_out)
    notes = [*recognised.notes, *left_out]
    if medium.contents.plain:
        notes.append("its names are plain ISO 9660 (no Rock Ridge, no Joliet): taken in lower case")
    sums, absent = sums_of(medium, recognised)
    if wishes.unchecked:
        sums = {}
    elif absent:
        raise RefusedError(f"the medium is not whole, it lacks {some(absent)}; fetch it again, or take it "
                           "as it is with --unchecked")
    name = wishes.name or recognised.name
    if not name:
        raise RefusedError("the tree needs a name: --name NAME")
    print_of = fingerprint(medium, recognised)
    files = frozenset(wanted_files(medium, recognised))
    return Import(wishes, medium, recognised, name, print_of, files, sums, tuple(notes))


def some(names: Sequence[str]) -> str:
    """The first of many names."""
    more = f" and {len(names) - _TOLD} more" if len(names) > _TOLD else ""
    return ", ".join(map(shown, names[:_TOLD])) + more
