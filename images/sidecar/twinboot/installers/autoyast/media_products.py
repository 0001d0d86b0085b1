"""Which repositories a medium with several of them holds, as its media.1/products says.

Owns the reading of the disk for this. A tree with one repository, or without that file, has none to name:
YaST finds it by itself. Source: libzypp's media.1/products: folder, product and version, one a line.
"""

from __future__ import annotations

from pathlib import Path

_PRODUCTS, _REPOMD = "media.1/products", "repodata/repomd.xml"


def repositories(trees_dir: Path, tree: str) -> tuple[str, ...]:
    """Folders with a repository, as paths below the trees directory, in the medium's order."""
    try:
        text = (trees_dir / tree / _PRODUCTS).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ()
    folders = [line.split()[0].strip("/") for line in text.splitlines() if line.strip()]
    plain = [one for one in dict.fromkeys(folders) if one and "/" not in one and not one.startswith(".")]
    return tuple(f"{tree}/{one}" for one in plain if (trees_dir / tree / one / _REPOMD).is_file())
