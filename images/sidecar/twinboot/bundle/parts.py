"""Named parts with a manifest of their digests, as one archive: tar, compressed by gzip.

Owns the form. The first member is `manifest.json`:

    {"form": 1, "told": {...}, "parts": {NAME: {"bytes": N, "sha256": HEX, "mode": N}, ...}}

What is read is bounded, and compared with the manifest, before any of it is handed out. Pure.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

FORM = 1
MANIFEST = "manifest.json"
MAX_BYTES = 256 << 20
"""Size limit of all parts together, as they are."""
MAX_PARTS = 20_000


class BundleError(Exception):
    """What is read is no whole bundle, or one that this release cannot read; the text says which."""


@dataclass(frozen=True, slots=True)
class Part:
    """mode: permission bits of the file that it was."""

    data: bytes
    mode: int = 0o644


@dataclass(frozen=True, slots=True)
class Bundle:
    """metadata: what the maker says of it: server, release, time."""

    metadata: Mapping[str, Any]
    parts: Mapping[str, Part] = field(default_factory=dict)


def pack(bundle: Bundle) -> bytes:
    """BundleError when it is larger than unpack() would take."""
    if sum(len(part.data) for part in bundle.parts.values()) > MAX_BYTES or len(bundle.parts) > MAX_PARTS:
        raise BundleError(f"is more than {MAX_BYTES >> 20} MiB or {MAX_PARTS} files")
    listed = {
        name: {"bytes": len(part.data), "sha256": hashlib.sha256(part.data).hexdigest(), "mode": part.mode}
        for name, part in bundle.parts.items()
    }
    manifest = {"form": FORM, "told": dict(bundle.metadata), "parts": listed}
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz", format=tarfile.PAX_FORMAT) as archive:
        _put(archive, MANIFEST, Part(json.dumps(manifest, indent=1).encode()))
        for name, part in bundle.parts.items():
            _put(archive, name, part)
    return out.getvalue()


def unpack(data: bytes) -> Bundle:
    """BundleError for anything that pack() has not made, or that was altered since."""
    try:
        members = _members(data)
        manifest = json.loads(members.pop(MANIFEST))
        form, metadata, listed = int(manifest["form"]), dict(manifest["told"]), dict(manifest["parts"])
    except (tarfile.TarError, EOFError, OSError, zlib.error, ValueError, TypeError, KeyError) as exc:
        raise BundleError(f"is damaged inside: {exc}") from exc
    if form > FORM:
        raise BundleError(f"has the form {form} of a newer release; this one knows {FORM}")
    parts = {}
    for name, data_read in members.items():
        try:
            said, mode = listed.pop(name), int(listed_mode(manifest, name))
            whole = said["sha256"] == hashlib.sha256(data_read).hexdigest()
        except (KeyError, TypeError, ValueError) as exc:
            raise BundleError(f"is damaged inside: {name} is not in its manifest") from exc
        if not whole:
            raise BundleError(f"is damaged inside: {name} is not as its manifest says")
        parts[name] = Part(data_read, mode & 0o777)
    if listed:
        raise BundleError(f"is damaged inside: it lacks {next(iter(listed))}")
    return Bundle(metadata, parts)


def listed_mode(manifest: Mapping[str, Any], name: str) -> int:
    return int(manifest["parts"][name].get("mode", 0o600))


def _put(archive: tarfile.TarFile, name: str, part: Part) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(part.data), part.mode
    archive.addfile(entry, io.BytesIO(part.data))


def _members(data: bytes) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    left = MAX_BYTES
    with tarfile.open(fileobj=io.BytesIO(data), mode="r|gz") as archive:
        for entry in archive:
            path = PurePosixPath(entry.name)
            if not entry.isfile() or path.is_absolute() or ".." in path.parts or entry.name in found:
                raise BundleError(f"is damaged inside: {entry.name!r} cannot be a part of it")
            left -= entry.size
            if left < 0 or len(found) > MAX_PARTS:
                raise BundleError(f"is more than {MAX_BYTES >> 20} MiB or {MAX_PARTS} files")
            file = archive.extractfile(entry)
            found[entry.name] = file.read() if file is not None else b""
    return found
