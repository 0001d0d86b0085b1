"""The boot loaders and kernels on the disk, of install trees and of the image: read, and handed to
loaders.trees for judgement.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ..loaders import pe, secure_boot, trees
from ..planning.boot_facts import BootFacts
from ..site.faults import Fault
from ..site.model.site import Site, Tree

IMAGE = Path("/usr/share/twinboot/loaders")
"""The boot loaders of the image: a folder for each architecture, and iPXE's builds beside them."""
_LONGEST = 256 << 20
"""No kernel or boot loader is that large."""


class TreeFiles:
    """trees.Files of a folder."""

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


def look_at(tree: Tree, trees_dir: Path) -> trees.Look:
    """What a tree has. A file that cannot be read is one of the faults that are found."""
    return trees.look(TreeFiles(trees_dir / tree.path), tree.kernel, place=f"trees/{tree.path}/")


def boot_facts(site: Site, trees_dir: str | Path, image: Path = IMAGE) -> BootFacts:
    """What boot loader kinds need to know of the disk."""
    folders = _folders(image)
    programs = frozenset(name for name in folders if not (image / name).is_dir())
    return BootFacts(
        {name: look_at(tree, Path(trees_dir)).boot for name, tree in site.trees.items()},
        trees.image_loaders(folders), programs,
    )  # fmt: skip


def loader_troubles(site: Site, trees_dir: Path, image: Path = IMAGE) -> Iterator[tuple[bool, Fault]]:
    """What is wrong with boot loaders and kernels of the trees, each with whether it is a fault. That a tree
    is not there is told elsewhere."""
    of_image = trees.image_loaders(_folders(image))
    for name, tree in site.trees.items():
        found = look_at(tree, trees_dir)
        for one in found.wrong:
            yield one.fault, Fault(f"trees.{name}.path", f"{tree.path}/{one.path}", one.what)
        for architecture in found.boot.kernel - found.boot.loaders.keys():
            if architecture in of_image:
                shim = source(of_image[architecture].first, trees_dir, image).read_bytes()
                what = trees.unproven_kernel(found, tree.kernel, pe.trusted_by(shim, pe.read(shim)))
                if what:
                    yield False, Fault(f"trees.{name}.kernel", f"{tree.path}/{tree.kernel}", what)


def signed_by(site: Site, trees_dir: Path, image: Path = IMAGE) -> Iterator[str]:
    """By whom the loaders and the kernel of each tree are signed: a line for each architecture."""
    facts = boot_facts(site, trees_dir, image)
    of_image = {
        path: tuple(map(pe.signer, pe.read(source(path, trees_dir, image).read_bytes()).signatures))
        for files in facts.image.values() for path in (files.first, files.second)
    }  # fmt: skip
    for name, tree in site.trees.items():
        yield from secure_boot.signed_by(name, look_at(tree, trees_dir), tree.kernel, facts, of_image)


def _folders(image: Path) -> dict[str, list[str]]:
    files = TreeFiles(image)
    return {name: files.names(name) for name in files.names("")}


def source(path: str, trees_dir: Path, image: Path = IMAGE) -> Path:
    """Where a source of Rendered.copies is."""
    root, _, inside = path.partition("/")
    return {"trees": trees_dir, "loaders": image}[root] / inside
