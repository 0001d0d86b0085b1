"""Forms with files, as browsers send them: RFC 7578, and urlencoded ones. Bounded before they are read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs

from fastapi import Request

from ..actions import Wrong
from ..body import body_of

MAX_BYTES = 4 << 20
"""Size limit of a form: as much as the HTTP service lets through."""
_BOUNDARY = re.compile(r'boundary="?([^";,]{1,70})"?')
_NAME = re.compile(r'\bname="([^"]*)"')
_BOMS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


@dataclass(frozen=True, slots=True)
class Form:
    """Values by field, each as it came."""

    fields: Mapping[str, list[bytes]]

    def text(self, name: str) -> str:
        """The first value; empty when there is none. Line ends of a browser's own are LF again."""
        return _decoded(next(iter(self.fields.get(name, ())), b"")).replace("\r\n", "\n")

    def texts(self, name: str) -> list[str]:
        return [_decoded(one) for one in self.fields.get(name, ())]

    def on(self, name: str) -> bool:
        """A box that is ticked."""
        return bool(self.text(name))

    def file_or(self, file: str, field: str) -> str:
        """The text of a file that was chosen, or else of a field. Wrong for a file that is no text."""
        data = next(iter(self.fields.get(file, ())), b"")
        if not data:
            return self.text(field)
        encoding = next((name for mark, name in _BOMS.items() if data.startswith(mark)), "utf-8")
        try:
            return data.decode(encoding).replace("\r\n", "\n")
        except UnicodeDecodeError as exc:
            line = data[:exc.start].count(b"\n") + 1
            raise Wrong(f"The file is no text: line {line} has what is no {encoding.upper()}. Save it as "
                        "UTF-8; nothing was changed.") from None


async def form_of(request: Request) -> Form:
    """Wrong when it is too large, or no form."""
    body = await body_of(request, MAX_BYTES)
    if body is None:
        raise Wrong(f"The form is longer than {MAX_BYTES >> 20} MiB; nothing was changed.")
    kind = request.headers.get("content-type", "")
    if not kind.startswith("multipart/form-data"):
        said = parse_qs(body, keep_blank_values=True, max_num_fields=20_000)
        return Form({_decoded(name): values for name, values in said.items()})
    boundary = _BOUNDARY.search(kind)
    if boundary is None:
        raise Wrong("The form has no boundary (RFC 7578); nothing was changed.")
    return Form(_parts(body, b"--" + boundary[1].encode()))


def _parts(body: bytes, mark: bytes) -> dict[str, list[bytes]]:
    found: dict[str, list[bytes]] = {}
    for part in (b"\r\n" + body).split(b"\r\n" + mark)[1:]:
        if part.startswith(b"--"):
            break
        head, _, data = part.partition(b"\r\n\r\n")
        named = _NAME.search(head.decode("utf-8", "replace"))
        if named is not None:
            found.setdefault(named[1], []).append(data)
    return found


def _decoded(data: bytes) -> str:
    return data.decode("utf-8", "replace")
