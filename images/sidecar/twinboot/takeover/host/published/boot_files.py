"""The files of the TFTP service, resolved as tftpd resolves them in its chroot.

Most are published here as well: the site's boot files and the trees. The boot loaders are only in the TFTP
image, which puts copies where this looks (images/tftp/README.md). A loader's version is a digest of its
content: images built on different servers contain the same bytes with different times.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from twinboot.takeover.logic.file_facts import CONTENT_BYTES, FileFacts

from .contents import Contents
from .tree import PublishedTree

_CURRENT = b"current/"
"""The link to the complete set of loaders."""
_DIGESTS_MAX = 64


class BootFiles:
    """published: the tree, laid out as in the TFTP image. loaders: where that image puts its own files.
    contents: as in PublishedTree, of the first."""

    def __init__(self, published: Path, loaders: Path, contents: Contents | None = None) -> None:
        self._published, self._loaders = PublishedTree(published, contents), PublishedTree(loaders)
        self._digests: dict[tuple[int, ...], bytes] = {}

    def open(self, path: bytes) -> int | None:
        """A descriptor of a file; None when there is no such file."""
        found = self._published.open(path)
        return found if found is not None else self._loaders.open(_CURRENT + path.lstrip(b"/"))

    def file_facts(self, path: bytes) -> FileFacts | None:
        """Facts of a file. Those of a loader have 63 bits of its SHA-256 in the place of its time."""
        known = self._published.file_facts(path)
        if known is not None:
            return known
        found = self._loaders.open(_CURRENT + path.lstrip(b"/"))
        if found is None:
            return None
        try:
            digest = self._digest(found)
            version = int.from_bytes(digest[:8], "big") >> 1
            return FileFacts(os.fstat(found).st_size, version, digest[:CONTENT_BYTES])
        finally:
            os.close(found)

    def close(self) -> None:
        self._published.close()
        self._loaders.close()

    def _digest(self, file: int) -> bytes:
        """SHA-256; read once, as a loader is never changed in place."""
        facts = os.fstat(file)
        name = (facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns)
        if name not in self._digests:
            while len(self._digests) >= _DIGESTS_MAX:
                del self._digests[next(iter(self._digests))]
            with os.fdopen(file, "rb", closefd=False) as content:
                digest = hashlib.file_digest(content, "sha256").digest()
            self._digests[name] = digest
        return self._digests[name]
