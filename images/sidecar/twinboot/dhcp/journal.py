"""The journal: all that this server knows of leases, its own and its peers', over restarts.

Owns its form and its size. Waits for the disk: used from threads only. After a first line that names the form
each line is a record; a line that is torn (a power cut, a full disk) is skipped, and the next one counts.

    line    = CRC-32 in 8 hex digits | space | base64 of sections (wire/sections.py)
    1 term  = u64: the last term here
    2 lease = see lease_codec.py
"""

from __future__ import annotations

import zlib
from base64 import b64decode, b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ..errors import ResourceError
from ..wire.sections import put, take
from .growing_file import replace_file
from .lease import DhcpLease
from .lease_codec import decode_lease, encode_lease

FIRST_LINE = b"twinboot-leases 1"
_TERM, _LEASE = 1, 2
_SLACK_BYTES = 1 << 18


@dataclass(frozen=True, slots=True)
class JournalContents:
    """leases: in the order of their records; term: the last one here; ignored: what of the file cannot be
    used, in words, or empty."""

    leases: tuple[DhcpLease, ...] = ()
    term: int = 0
    ignored: str = ""


class Journal:
    """One file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._live_bytes = 0

    def load(self) -> JournalContents:
        """Everything in it. A file of another form is as good as none, and is replaced by the first
        append()."""
        try:
            data = self._path.read_bytes()
        except FileNotFoundError:
            return JournalContents()
        except OSError as exc:
            raise ResourceError(str(self._path), f"cannot be read: {exc.strerror or exc}") from exc
        return _parsed(data)

    def append(self, changed: Iterable[DhcpLease], everything: Iterable[DhcpLease], term: int) -> bool:
        """Add what changed; write all of it anew when most of what stands there is out of date."""
        text = _text(changed, term)
        try:
            size = self._path.stat().st_size if self._path.exists() else 0
            if self._live_bytes == 0 or size + len(text) > 2 * self._live_bytes + _SLACK_BYTES:
                text = FIRST_LINE + b"\n" + _text(everything, term)
                replace_file(self._path, text, 0o640, sync=True)
                self._live_bytes = max(1, len(text))
                return True
            # The line feed ends a line that a full disk may have left without its end.
            with open(self._path, "ab") as file:
                file.write(b"\n" + text)
            return True
        except OSError as exc:
            raise ResourceError(str(self._path), f"cannot be written: {exc.strerror or exc}") from exc


def _text(leases: Iterable[DhcpLease], term: int) -> bytes:
    lines = [_line(put(_TERM, term.to_bytes(8, "big")))]
    lines += (_line(put(_LEASE, encode_lease(lease))) for lease in leases)
    return b"".join(lines)


def _line(record: bytes) -> bytes:
    return b"%08x %s\n" % (zlib.crc32(record), b64encode(record))


def _record(line: bytes) -> bytes | None:
    """The record of a line; None for a line that is torn."""
    try:
        record, checksum = b64decode(line[9:], validate=True), int(line[:8], 16)
    except ValueError:
        return None
    return record if zlib.crc32(record) == checksum else None


def _parsed(data: bytes) -> JournalContents:
    first, _, rest = data.partition(b"\n")
    if first.rstrip() != FIRST_LINE:
        return JournalContents(ignored="its form is unknown" if data.strip() else "")
    leases: list[DhcpLease] = []
    term, unknown = 0, 0
    for line in rest.split(b"\n"):
        record = _record(line) if line else None
        if record is None:
            continue
        try:
            for tag, body in take(record):
                if tag == _TERM:
                    term = max(term, int.from_bytes(body[:8], "big"))
                elif tag == _LEASE:
                    leases.append(decode_lease(body))
        except ValueError:
            unknown += 1
    ignored = f"{unknown} of its records are none that this release knows" if unknown else ""
    return JournalContents(tuple(leases), term, ignored)
