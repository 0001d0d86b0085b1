"""The section of a heartbeat that says where its sender is and by which site it works: its own address, the
addresses of its groups, the site's number and digests.
"""

from __future__ import annotations

import struct
from dataclasses import replace
from ipaddress import IPv4Address

from twinboot.core.model import GroupReport, Heartbeat, SiteId

from ..sections import put
from .fields import Reader, sized, string

TAG = 6

_NUMBER = struct.Struct(">Q")
_NO_ADDRESS = bytes(4)
_PART_CODE = {
    name: code for code, name in enumerate((
        "version", "cluster", "domain", "balancing", "servers", "groups", "subnets", "dns", "trees",
        "profiles", "hosts", "heartbeat", "ftp", "metrics", "takeover", "boot", "console",
        "tree_sync", "webhooks", "api", "power",
    ), 1)
}
"""Parts of a site whose names need no place in every message. Add at the end; others are spelled out."""
_PART_OF = {code: name for name, code in _PART_CODE.items()}
_SPELLED_OUT = 0


def encode(heartbeat: Heartbeat) -> bytes:
    """The section of the sender's own address, one for each group of section 2 in its order, and its site.

    Without a site the section ends after the addresses; without any of these there is none.
    """
    if heartbeat.address is None and heartbeat.site is None and not any(
        one.address for one in heartbeat.groups.values()
    ):
        return b""
    own = heartbeat.address.packed if heartbeat.address is not None else _NO_ADDRESS
    site = heartbeat.site
    parts = [own, bytes((len(heartbeat.groups),))]
    parts += [
        IPv4Address(one.address).packed if one.address else _NO_ADDRESS for one in heartbeat.groups.values()
    ]
    if site is None:
        return put(TAG, b"".join(parts))
    parts += [_NUMBER.pack(site.number), sized(site.digest), bytes((len(site.parts),))]
    parts += [_part_name(name) + sized(digest) for name, digest in site.parts.items()]
    return put(TAG, b"".join(parts))


def _part_name(name: str) -> bytes:
    code = _PART_CODE.get(name, _SPELLED_OUT)
    return bytes((code,)) if code else bytes((code,)) + string(name)


def decode(
    reader: Reader | None, groups: dict[str, GroupReport]
) -> tuple[IPv4Address | None, SiteId | None, dict[str, GroupReport]]:
    """A server of an older release names neither addresses nor its site."""
    if reader is None:
        return None, None, groups
    own = _parse_address(reader)
    if reader.byte() != len(groups):
        raise ValueError("not one address for each group")
    addresses = [_parse_address(reader) for _ in groups]
    groups = {
        name: replace(report, address=str(address) if address is not None else "")
        for (name, report), address in zip(groups.items(), addresses, strict=True)
    }
    if reader.at_end:
        return own, None, groups
    (number,) = reader.unpack(_NUMBER)
    digest = reader.take(reader.byte())
    parts: dict[str, bytes] = {}
    for _ in range(reader.byte()):
        code = reader.byte()
        name = _PART_OF.get(code, f"part {code}") if code != _SPELLED_OUT else reader.string()
        parts[name] = reader.take(reader.byte())
    return own, SiteId(number, digest, parts), groups


def _parse_address(reader: Reader) -> IPv4Address | None:
    raw = reader.take(len(_NO_ADDRESS))
    return IPv4Address(raw) if raw != _NO_ADDRESS else None
