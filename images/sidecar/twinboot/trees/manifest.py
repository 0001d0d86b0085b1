"""The manifest of a tree: what it is, and every file of it with size, time and SHA-256. Pure.

It lies in the tree itself, so that one rename publishes both. Whoever reads it may have it from elsewhere:
what is no manifest, or was changed, or names a path out of the tree, raises ManifestError.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from typing import Any

FILE_NAME = ".twinboot.json"
VERSION = 1
"""Version of the format. Another key, with a default where it is lacking, is no new version."""
_DIGEST = "digest"


class ManifestError(ValueError):
    """The text says what is wrong, in a few words."""


@dataclass(frozen=True, slots=True)
class File:
    """A regular file. path: below the tree. size in bytes, mtime in s since 1970."""

    path: str
    size: int
    mtime: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """name: of the tree when it was imported. kind: of the installer. source: the medium's file. imported:
    UTC, ISO 8601. identity: of this import. medium: its fingerprint. links: path -> target. replaces:
    `digest` and `contents` of the trees whose place it took, the latest first. digest: of the text that it
    was read from.
    """

    name: str
    kind: str
    distribution: str
    release: str
    architecture: str
    kernel: str
    initrds: tuple[str, ...]
    source: str
    label: str
    imported: str
    identity: str
    medium: str
    files: tuple[File, ...]
    links: Mapping[str, str]
    replaces: tuple[str, ...] = ()
    digest: str = field(default="", compare=False)

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(one.size for one in self.files)

    @property
    def imported_at(self) -> int:
        """s since 1970; 0: it does not say."""
        try:
            moment = datetime.strptime(self.imported, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        except ValueError:
            return 0
        return int(moment.timestamp())

    @property
    def contents(self) -> str:
        """Equal for trees that hold the same, whenever and wherever they were imported: SHA-256."""
        return _digest({"files": [_row(one) for one in self.files], "links": dict(self.links)})


_NO_TEXTS = ("files", "links", "initrds", "replaces", "digest")
_HEAD = tuple(one.name for one in fields(Manifest) if one.name not in _NO_TEXTS)
_HEX = frozenset("0123456789abcdef")


def encode(manifest: Manifest) -> str:
    """JSON, a line for each file."""
    document = _document(manifest)
    head = {key: value for key, value in document.items() if key not in ("files", "links")}
    head[_DIGEST] = _digest(document)
    lines = [f" {json.dumps(key)}: {json.dumps(value)}" for key, value in head.items()]
    files = ",\n".join(f"  {json.dumps(row)}" for row in document["files"])
    links = ",\n".join(f"  {json.dumps(path)}: {json.dumps(to)}" for path, to in document["links"].items())
    lines += [f' "links": {{\n{links}\n }}', f' "files": [\n{files}\n ]']
    return "{\n" + ",\n".join(lines) + "\n}\n"


def decode(text: str) -> Manifest:
    """What encode() wrote. Raises ManifestError."""
    try:
        document = json.loads(text)
    except ValueError as exc:
        raise ManifestError(f"is no JSON: {exc}") from exc
    if not isinstance(document, dict) or not isinstance(document.get("version"), int):
        raise ManifestError("is no manifest of a tree")
    if document["version"] != VERSION:
        raise ManifestError(f"has format {document['version']}; this release reads {VERSION}")
    digest = document.pop(_DIGEST, None)
    if digest != _digest(document):
        raise ManifestError("was changed since it was written, or is damaged")
    try:
        head = {name: _text(document[name]) for name in _HEAD}
        initrds = tuple(map(_text, document["initrds"]))
        files = tuple(_file(row) for row in document["files"])
        links = {_path(path): _text(target) for path, target in document["links"].items()}
        replaces = tuple(map(_sha256, document.get("replaces", ())))
        return Manifest(**head, initrds=initrds, files=files, links=links, replaces=replaces, digest=digest)
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        raise ManifestError(f"is not whole: {exc}") from exc


def _document(manifest: Manifest) -> dict[str, Any]:
    head = {"version": VERSION} | {name: getattr(manifest, name) for name in _HEAD}
    return head | {
        "initrds": list(manifest.initrds),
        "links": dict(manifest.links),
        "files": [_row(one) for one in manifest.files],
    } | ({"replaces": list(manifest.replaces)} if manifest.replaces else {})


def _row(file: File) -> dict[str, Any]:
    return asdict(file)


def _digest(document: Mapping[str, Any]) -> str:
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _file(row: Mapping[str, Any]) -> File:
    size, mtime, sha256 = row["size"], row["mtime"], _sha256(row["sha256"])
    if type(size) is not int or type(mtime) is not int or size < 0:
        raise ManifestError(f"the entry of {row['path']} makes no sense")
    return File(_path(row["path"]), size, mtime, sha256)


def _path(value: object) -> str:
    path = _text(value)
    if any(one in ("", ".", "..") for one in path.split("/")):  # an absolute one begins with an empty part
        raise ManifestError(f"the path {path!r} leads out of the tree")
    return path


def _sha256(value: object) -> str:
    digits = _text(value)
    if len(digits) != 64 or not _HEX.issuperset(digits):
        raise ManifestError(f"{digits!r} is no SHA-256")
    return digits


def _text(value: object) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise ManifestError(f"{value!r} is no text")
    return value


def by_path(files: Iterable[File]) -> dict[str, File]:
    return {one.path: one for one in files}
