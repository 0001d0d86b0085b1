"""The boot loaders and kernels on the disk, of install trees and of the image: read, and handed to
loaders.trees for judgement.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ..loaders import pe, secure_boot, trees
from ..planning.boot_facts import BootFacts
from ..planning.tree_files import kernel_of
from ..site.faults import Fault
from ..site.model.site import Site

IMAGE = Path("/usr/share/twinboot/loaders")
"""The boot loaders of the image: a folder with shim and GRUB for each architecture, and beside the folders
the programs of other kinds (BootFacts.programs), each published by the kind that knows it by name."""
_LONGEST = 256 << 20
"""No kernel or boot loader is that large."""


class TreeFiles:
    """loaders.trees.Files of a folder."""

    def __init__(self, top: Path) -> None:
        self._top = top

    def names(self, folder: str) -> list[str]:
        try:
            return sorted(path.name for path in (self._top / folder).iterdir())
        except OSError:
            return []

    def read(self, path: str) -> bytes:
        with (self._top / path).open("rb") as file:
            return file.read(_LONGEST)


def _look_at(site: Site, name: str, trees_dir: Path) -> trees.TreeInspection:
    path = site.trees[name].path
    return trees.look(TreeFiles(trees_dir / path), kernel_of(site, name), place=f"trees/{path}/")


class BootFiles:
    """What is on the disk for a site, read once. A file that cannot be read is one of the faults found."""

    def __init__(self, site: Site, trees_dir: str | Path, image: Path = IMAGE) -> None:
        self._site, self._trees_dir, self._image = site, Path(trees_dir), image
        self._found = {name: _look_at(site, name, self._trees_dir) for name in site.trees}
        folders = _folders(image)
        self._programs = frozenset(name for name in folders if not (image / name).is_dir())
        self._of_image = trees.image_loaders(folders)

    def facts(self) -> BootFacts:
        """What boot loader kinds need to know of it."""
        return BootFacts(
            {name: found.boot for name, found in self._found.items()}, self._of_image, self._programs
        )

    def troubles(self) -> Iterator[tuple[bool, Fault]]:
        """What is wrong with boot loaders and kernels of the trees, each with whether it is a fault. That a
        tree is not there is told elsewhere."""
        for name, found in self._found.items():
            tree = self._site.trees[name]
            for one in found.wrong:
                yield one.fault, Fault(f"trees.{name}.path", f"{tree.path}/{one.path}", one.what)
            for architecture in found.boot.kernel - found.boot.loaders.keys():
                if architecture in self._of_image:
                    shim = self._read(self._of_image[architecture].first)
                    kernel = kernel_of(self._site, name)
                    what = trees.unproven_kernel(found, kernel, pe.trusted_by(shim, pe.read(shim)))
                    if what:
                        yield False, Fault(f"trees.{name}.kernel", f"{tree.path}/{kernel}", what)

    def signed_by(self) -> Iterator[str]:
        """By whom the loaders and the kernel of each tree are signed: a line for each architecture."""
        facts = self.facts()
        of_image = {
            path: tuple(map(pe.signer, pe.read(self._read(path)).signatures))
            for files in self._of_image.values() for path in (files.first, files.second)
        }  # fmt: skip
        for name, found in self._found.items():
            yield from secure_boot.signed_by(name, found, kernel_of(self._site, name), facts, of_image)

    def _read(self, path: str) -> bytes:
        return source(path, self._trees_dir, self._image).read_bytes()


def boot_facts(site: Site, trees_dir: str | Path) -> BootFacts:
    """What boot loader kinds need to know of the disk."""
    return BootFiles(site, trees_dir).facts()


def _folders(image: Path) -> dict[str, list[str]]:
    files = TreeFiles(image)
    return {name: files.names(name) for name in files.names("")}


def source(path: str, trees_dir: Path, image: Path = IMAGE) -> Path:
    """Where a source of Rendered.copies is."""
    root, _, inside = path.partition("/")
    return {"trees": trees_dir, "loaders": image}[root] / inside
