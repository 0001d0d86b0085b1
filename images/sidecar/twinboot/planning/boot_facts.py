"""What was found of boot loaders and kernels on the disk: values alone.

Owns their form. loaders.trees finds them in install trees and in the image; boot loader kinds offer and
publish them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum


class Architecture(Enum):
    """Processors that a kernel or a boot loader is made for, as this project calls them."""

    X64 = "x64"
    IA32 = "ia32"
    ARM64 = "arm64"


@dataclass(frozen=True, slots=True)
class LoaderFiles:
    """A shim and its GRUB. Both: paths of sources, `trees/...` or `loaders/...` (see Rendered.copies).

    second_name: the name by which this shim asks for GRUB, in its own folder. others: what else shim asks for
    there, by name.
    """

    first: str
    second: str
    second_name: str
    others: Mapping[str, str] = field(default_factory=dict)

    @property
    def first_name(self) -> str:
        return self.first.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class TreeBoot:
    """What one tree boots with. kernel: what its kernel is made for; empty when that is not known."""

    kernel: frozenset[Architecture] = frozenset()
    loaders: Mapping[Architecture, LoaderFiles] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BootFacts:
    """trees: by name. image: shim and GRUB that the image has, for trees without one. programs: its other
    boot programs, by name."""

    trees: Mapping[str, TreeBoot] = field(default_factory=dict)
    image: Mapping[Architecture, LoaderFiles] = field(default_factory=dict)
    programs: frozenset[str] = frozenset()

    @property
    def any_loader(self) -> bool:
        """Is there a shim and a GRUB at all?"""
        return next(self.all_loaders(), None) is not None

    def kernel(self, tree: str) -> frozenset[Architecture]:
        """What the kernel of a tree is made for; empty when that is not known."""
        return self.trees[tree].kernel if tree in self.trees else frozenset()

    def loader(self, tree: str, architecture: Architecture) -> tuple[str, LoaderFiles] | None:
        """The tree's own loader and the tree's name, or the image's and an empty name."""
        own = self.trees[tree].loaders.get(architecture) if tree in self.trees else None
        if own is not None:
            return tree, own
        found = self.image.get(architecture)
        return None if found is None else ("", found)

    def all_loaders(self) -> Iterator[tuple[str, LoaderFiles]]:
        """Each with the name of its tree; those of the image with an empty name."""
        for name, tree in self.trees.items():
            yield from ((name, files) for files in tree.loaders.values())
        yield from (("", files) for files in self.image.values())
