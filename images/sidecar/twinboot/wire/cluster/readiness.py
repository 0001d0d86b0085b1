"""The section of a heartbeat that says what its sender lacks to take over: bytes <-> core.model.Lack.

    count, then for each: length and name of the service, code of the lack
"""

from __future__ import annotations

from twinboot.core.model import Lack, LackKind

MAX_LACKS = 16
"""The first ones are told; one is enough not to be ready."""

# Codes on the wire: add to them, never renumber. A code that is not known here is OTHER.
_CODE = {
    LackKind.OTHER: 0, LackKind.CONTAINER: 1, LackKind.IMAGE: 2, LackKind.CONFIGURATION: 3,
    LackKind.ENGINE: 4, LackKind.LEASES: 5, LackKind.TREES: 6, LackKind.NETWORK: 7, LackKind.DOWNLOADS: 8,
}
_KIND = {code: kind for kind, code in _CODE.items()}


def encode(lacks: tuple[Lack, ...]) -> bytes:
    told = lacks[:MAX_LACKS]
    parts = [bytes((len(told),))]
    for one in told:
        name = one.service.encode()
        parts.append(bytes((len(name),)) + name + bytes((_CODE[one.kind],)))
    return b"".join(parts)


def decode(section: bytes | None) -> tuple[Lack, ...] | None:
    """None without the section: a server of an older release does not say. ValueError when it ends early."""
    if section is None:
        return None
    lacks, at = [], 1
    if not section:
        raise ValueError("ends too early")
    for _ in range(section[0]):
        end = at + 1 + section[at] if at < len(section) else len(section)
        if end >= len(section):
            raise ValueError("ends too early")
        lacks.append(Lack(section[at + 1:end].decode(), _KIND.get(section[end], LackKind.OTHER)))
        at = end + 1
    return tuple(lacks)
