"""Style sheet, script and icon, from memory, under names that change with their contents.

A server of another release may be asked for a file of this one after its address has moved: what it has then
is its own, and is not kept by the browser.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from starlette.responses import Response

FOLDER = Path(__file__).parent / "static"
_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
_FILES = {path.name: path.read_bytes() for path in sorted(FOLDER.iterdir()) if path.suffix in _TYPES}
_DIGESTS = {name: hashlib.sha256(data).hexdigest()[:12] for name, data in _FILES.items()}


def link(name: str) -> str:
    """URL of a file, for a template."""
    return f"/ui/static/{name}?v={_DIGESTS[name]}"


def build() -> str:
    """One digest of all files: an open page can see by it that its script is that of another release."""
    return hashlib.sha256("".join(_DIGESTS.values()).encode()).hexdigest()[:12]


def answer(name: str, digest: str) -> Response | None:
    """The file as a response; None when there is no such file."""
    if name not in _FILES:
        return None
    kept = "public, max-age=31536000, immutable" if digest == _DIGESTS[name] else "no-store"
    return Response(
        _FILES[name], media_type=_TYPES[Path(name).suffix],
        headers={"Cache-Control": kept, "X-Content-Type-Options": "nosniff"},
    )  # fmt: skip
