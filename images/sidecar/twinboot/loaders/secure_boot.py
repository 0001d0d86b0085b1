"""Whom Secure Boot asks for, one after the other: firmware for shim, shim for GRUB and kernel. Pure.

Owns the line that an operator reads of each tree, also when all is well. Whether a kernel passes the shim
before it is trees' to say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..planning.boot_facts import BootFacts
from .trees import TreeInspection

Signers = Mapping[str, tuple[str, ...]]
"""By path of a source, who signed it."""


def signed_by(tree: str, found: TreeInspection, kernel: str, facts: BootFacts,
              image: Signers) -> Iterator[str]:
    """A line for each architecture that a tree's kernel is for. image: of the image's loaders."""
    for architecture in sorted(found.boot.kernel, key=lambda one: one.value):
        loader = facts.loader(tree, architecture)
        if loader is None or kernel not in found.signers:
            continue
        of, files = loader
        known = _of_tree(found, files.first, files.second) if of else image
        shim = known.get(files.first, ())
        parts = [f"{'' if of else 'the image has '}{files.first_name} by {_names(shim)}",
                 f"{files.second_name} by {_names(known.get(files.second, ()))}",
                 f"{kernel.rpartition('/')[2]} by {_names(found.signers[kernel])}"]  # fmt: skip
        needs = f"; the firmware must know {' or '.join(shim)}" if shim else ""
        yield f"tree {tree}, {architecture.value}: {', '.join(parts)}{needs}"


def _of_tree(found: TreeInspection, *sources: str) -> Signers:
    """The signers of a tree's files, by their paths as sources."""
    return {
        source: by for source in sources for path, by in found.signers.items() if source.endswith(f"/{path}")
    }


def _names(signers: tuple[str, ...]) -> str:
    return " and ".join(one or "an unknown name" for one in signers) or "nobody"
