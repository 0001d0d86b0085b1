"""What machines are known by: hardware addresses, SMBIOS UUIDs, DHCP client identifiers.

Owns their forms, as operators write them and as they are kept: lower-case hex, octets parted by colons.
A card of InfiniBand is kept as its port GUID, the last 8 octets of its 20-octet address (RFC 4391 section
9.1): the other 12 change with the subnet manager and the queue pair.
"""

from __future__ import annotations

import re
import uuid
from typing import Annotated

from pydantic import BeforeValidator, WithJsonSchema

_OCTETS = re.compile(r"(0[xX])?[0-9A-Fa-f]+([:.-][0-9A-Fa-f]+)*")
_EXAMPLE = "write six pairs of hex digits such as 52:54:00:00:01:28"
_CARDS = f"{_EXAMPLE}, or 8 or 20 of them for a card of InfiniBand"
ETHERNET_OCTETS, GUID_OCTETS, IPOIB_OCTETS = 6, 8, 20
_CLIENT_ID_MAX = 64
_MACS_MAX = 32
_STRANGE_UUIDS = {"00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff",
                  "03000200-0400-0500-0006-000700080009"}  # fmt: skip
"""What boards say whose maker has written none: many machines have it."""


def is_infiniband(mac: str) -> bool:
    """Is this card's kept form a port GUID?"""
    return mac.count(":") == GUID_OCTETS - 1


def _octets(text: object) -> bytes | None:
    """The octets of hex digits that are parted into equal groups by one kind of sign, or not at all."""
    if not isinstance(text, str) or not _OCTETS.fullmatch(text):
        return None
    groups = re.split(r"[:.-]", text.lower().removeprefix("0x"))
    sizes, signs = {len(group) for group in groups}, set(re.findall(r"[:.-]", text))
    if len(sizes) > 1 or len(signs) > 1 or sizes.pop() % 2:
        return None
    return bytes.fromhex("".join(groups))


def _mac(value: object) -> str:
    octets = _octets(value)
    if octets is None or len(octets) not in (ETHERNET_OCTETS, GUID_OCTETS, IPOIB_OCTETS):
        longer = octets is not None and len(octets) > ETHERNET_OCTETS
        raise ValueError(f"not a MAC address; {_CARDS if longer else _EXAMPLE}")
    if len(octets) != ETHERNET_OCTETS:
        octets = octets[-GUID_OCTETS:]
    elif octets[0] & 1:
        raise ValueError(f"a multicast MAC address, no machine has it; {_EXAMPLE}")
    if not any(octets):
        raise ValueError(f"the empty MAC address, no machine has it; {_EXAMPLE}")
    return octets.hex(":")


def _macs(value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        return (_mac(value),)
    if not 1 <= len(value) <= _MACS_MAX:
        raise ValueError(f"write one MAC address, or a list of 1 to {_MACS_MAX}: one for each card")
    found: list[str] = []
    for one in value:
        try:
            mac = _mac(one)
        except ValueError as exc:
            raise ValueError(f"{one!r} is {exc}") from None
        if mac in found:
            raise ValueError(f"{one!r} stands here twice; write each card once")
        found.append(mac)
    return tuple(found)


def _uuid(value: object) -> str:
    remedy = "write it as `dmidecode -s system-uuid` shows it, such as 564d2c3a-9f1b-4c57-8e0d-2f6a7b8c9d10"
    try:
        found = str(uuid.UUID(value)) if isinstance(value, str) and value.count("-") == 4 else ""
    except ValueError:
        found = ""
    if not found:
        raise ValueError(f"not a UUID; {remedy}")
    if found in _STRANGE_UUIDS:
        raise ValueError("a UUID that says nothing, many machines have it; leave it out")
    return found


def _client_id(value: object) -> str:
    octets = _octets(value)
    if octets is None or not 2 <= len(octets) <= _CLIENT_ID_MAX:
        raise ValueError(f"not a client identifier; write 2 to {_CLIENT_ID_MAX} pairs of hex digits such as "
                         "ff:00:00:00:00:00:02:00:00:02:c9:00:00:02:c9:03:00:0a:bc:de")  # fmt: skip
    return octets.hex(":")


_PATTERN = {"type": "string", "pattern": "^(0[xX])?[0-9A-Fa-f]+([:.-][0-9A-Fa-f]+)*$"}
Macs = Annotated[
    tuple[str, ...],
    BeforeValidator(_macs),
    WithJsonSchema({"anyOf": [_PATTERN, {"type": "array", "items": _PATTERN, "minItems": 1}]}),
]
"""One or a list, in the form that is kept."""
Uuid = Annotated[str, BeforeValidator(_uuid), WithJsonSchema({"type": "string", "format": "uuid"})]
ClientId = Annotated[str, BeforeValidator(_client_id), WithJsonSchema(_PATTERN)]
