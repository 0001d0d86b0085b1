"""A document in rows of a replicated table: compressed JSON, each row in one packet.

The first row says how long all of them are, so that a document of which rows lack is known as such.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from typing import Any

ROW_BYTES = 1000
"""So that a row, its key and a signature fit a packet that IP need not fragment."""
_LENGTH_BYTES = 4


def rows_of(document: Mapping[str, Any]) -> list[bytes]:
    """The rows, in their order."""
    packed = zlib.compress(json.dumps(document).encode())
    whole = len(packed).to_bytes(_LENGTH_BYTES, "big") + packed
    return [whole[at:at + ROW_BYTES] for at in range(0, len(whole), ROW_BYTES)]


def document_of(rows: Mapping[bytes, bytes], max_bytes: int) -> dict[str, Any] | None:
    """The document of rows whose keys are in the rows' order. None: not all of it is there, or it is none.

    max_bytes: of JSON; what unfolds to more is not looked at.
    """
    whole = b"".join(rows[key] for key in sorted(rows))
    size, packed = int.from_bytes(whole[:_LENGTH_BYTES], "big"), whole[_LENGTH_BYTES:]
    if len(packed) != size:
        return None
    try:
        found = json.loads(zlib.decompressobj().decompress(packed, max_bytes))
    except (ValueError, zlib.error):
        return None
    return found if isinstance(found, dict) else None
